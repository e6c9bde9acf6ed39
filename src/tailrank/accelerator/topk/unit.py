"""The top-k filter unit as a configuration: what it has, what it does with too many, and what its RTL got wrong."""

from typing import Annotated, Literal

from msgspec import Meta

from tailrank.core import BadInputError, Config

__all__ = ["MEANT", "RTL", "Excess", "Faults", "FilterUnit"]

Count = Annotated[int, Meta(ge=1)]
Excess = Literal["pass", "first", "fill"]
RTL_OFFSET_BITS = 9  # of the position within a (sub-)batch


class Faults(Config, frozen=True, kw_only=True):
    """What the published RTL (`sortvals`) does and cannot mean, a switch each; all off is the unit as it is meant.

    - `wide_index`: the index of a bin has a bit more than there are bins for, so that scores in the upper half of the
      range are counted nowhere.
    - `wrapped_scan`: the counter of the walk cannot hold the number of bins and begins at bin 0, then goes down from
      the top.
    - `strict_edge`: scores that equal the lower edge of the last bin were counted, but do not go on.
    - `narrow_compare`: the edge is compared with score and position in one word, so that nearly every score is above.
    - `short_offset`: positions have 9 bits, though a batch may have 4,000 scores: those beyond 511 wrap.
    - `one_register`: the score buffer is one register ("for area only"): only the last entry is left.

    The widths are those of the RTL; how the short words are put together is our reading of it.
    """

    wide_index: bool = False
    wrapped_scan: bool = False
    strict_edge: bool = False
    narrow_compare: bool = False
    short_offset: bool = False
    one_register: bool = False


MEANT = Faults()
RTL = Faults(
    wide_index=True, wrapped_scan=True, strict_edge=True, narrow_compare=True, short_offset=True, one_register=True
)


class FilterUnit(Config, frozen=True, kw_only=True):
    """A streaming histogram filter: it lets about the best K of a batch of scores go on without sorting them.

    Every score, a code of `score_bits` bits, is counted in one of `bins` equal bins, given by its top bits; one above
    `threshold` (None: any) is also buffered with its position, as long as there are free entries of `buffer` (None: as
    many as scores). After the last score the bins are walked from the top until K or more were counted; then the
    buffered scores not below the lower edge of that last bin go on, in order of arrival. These may be more than K:

    - `pass`: all of them go on;
    - `first`: the first K to arrive go on, better or not;
    - `fill`: the better bins go on whole, and of the last bin the first to arrive, until there are K.

    With `follow`, the threshold of a query's next sub-batch is so many bins below the edge that this one ended at,
    where that is above `threshold`: what a low score is for this user, the user's first candidates tell.

    They are fewer where a batch has fewer than K scores, or the threshold or a full buffer held some back.
    `lanes` scores arrive in a cycle; each lane has counters and a buffer of its own (`buffer` is that of all).
    Raises `BadInputError` for bins that are no power of two, or more than codes.
    """

    bins: Annotated[int, Meta(ge=2)] = 16
    score_bits: Annotated[int, Meta(ge=1, le=24)] = 16
    threshold: Annotated[int, Meta(ge=0)] | None = None
    follow: Annotated[int, Meta(ge=0)] | None = None
    buffer: Count | None = None
    excess: Excess = "pass"
    lanes: Count = 16
    faults: Faults = MEANT

    def __post_init__(self) -> None:
        if self.bins & (self.bins - 1):
            raise BadInputError(
                f"bins: {self.bins} is no power of two: a bin is the top bits of a score", hint="16 or 32 are usual"
            )
        if self.bins > self.codes:
            raise BadInputError(
                f"bins: {self.bins} of {self.codes} codes", hint="give at most 2 ** score_bits, or more score_bits"
            )
        if self.faults.wide_index and 2 * self.bins > self.codes:
            raise BadInputError(
                "faults.wide_index: an index one bit wider than the bins is wider than a score",
                hint="give more score_bits",
            )

    @property
    def codes(self) -> int:
        """How many different codes a score has."""
        return 1 << self.score_bits

    @property
    def bin_bits(self) -> int:
        """How many of a code's top bits number its bin."""
        return self.bins.bit_length() - 1

    @property
    def shift(self) -> int:
        """How many of a code's low bits its bin does not know."""
        return self.score_bits - self.bin_bits - self.faults.wide_index

    def next_threshold(self, edge: int) -> int:
        """Return the threshold (-1: none) of the sub-batch after one whose walk ended at a bin with this lower edge."""
        base = -1 if self.threshold is None else self.threshold
        if self.follow is None or edge >= self.bins << self.shift:  # nothing was asked for, and nothing learned
            return base
        return max(base, edge - (self.follow << self.shift) - 1)

    def state_bits(self, items: int) -> int:
        """Return the bits that counters and buffer hold for batches of `items` scores."""
        counter = (-(-items // self.lanes)).bit_length()
        entry = self.score_bits + (items - 1).bit_length()
        return self.lanes * self.bins * counter + min(items, self.buffer or items) * entry
