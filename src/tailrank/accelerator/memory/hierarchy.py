"""The memory behind a funnel of two stages: SRAM split into caches, DRAM in channels, SSD."""

from typing import Annotated, Literal

from msgspec import Meta

from tailrank.accelerator.chip import Chip
from tailrank.core import BadInputError, Config

__all__ = ["EmbeddingMemory", "Lines", "LookAhead", "Tier", "memory_of"]

GIB_PER_NS = 2**30 / 1e9
Count = Annotated[int, Meta(ge=1)]
Above = Annotated[float, Meta(gt=0)]
NotBelow = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Lines = Literal["vector", "line", "packed"]
LookAhead = Literal["none", "selected", "buffered", "all"]


class Tier(Config, frozen=True, kw_only=True):
    """A memory of `channels` that work side by side, `gib_s` GiB/s in all; data come `latency_ns` after their turn."""

    latency_ns: NotBelow
    gib_s: Above
    channels: Count = 1

    def transfer_ns(self, size_bytes: float) -> float:
        """Return how long one channel is busy with `size_bytes`."""
        return size_bytes * self.channels / (self.gib_s * GIB_PER_NS)


def memory_of(chip: Chip, *, share: float = 1.0, channels: int = 4) -> "EmbeddingMemory":
    """Return the memory of `chip`, whose back end has `share` of the bandwidths of SRAM, DRAM and flash.

    Capacities are whole: `front_share` and `look_ahead_share` divide them, `msgspec.structs.replace` sets them. The
    chip's `miss_rate` does not matter: finding it is what the memory is for.
    """
    if not 0 < share <= 1:
        raise BadInputError(f"a share of {share:g} of the bandwidths", hint="above 0 and at most 1")
    return EmbeddingMemory(
        sram_bytes=chip.embedding_sram_bytes,
        sram_bytes_per_ns=share * chip.gather_bytes / chip.clock_ns,
        dram=Tier(
            latency_ns=chip.dram_latency_cycles * chip.clock_ns, gib_s=share * chip.dram_gib_s, channels=channels
        ),
        ssd=Tier(latency_ns=chip.flash_latency_cycles * chip.clock_ns, gib_s=share * chip.flash_gib_s),
    )


class EmbeddingMemory(Config, frozen=True, kw_only=True):
    """Where rows are: static caches of the hottest ones, one a stage, a look-ahead cache, DRAM, SSD.

    Of `sram_bytes`, `look_ahead_share` is the look-ahead cache of the back end, and `front_share` of the rest is the
    front end's static cache. A row takes, and moves, `front_bytes` or `back_bytes`; lines: "vector" as many; "line" a
    line of `line_bytes` each, as in the artifact; "packed" a line too, which holds neighbouring rows of its table.
    `dram_rows` of each stage, the hottest, are in DRAM (None: all), the others on SSD. SRAM gives `sram_bytes_per_ns`,
    every row once: when all are there, as the artifact has it, or with `overlapped` while those that are missing come.
    The defaults are the artifact's chip: 16 MiB at 256 bytes in 8 ns, DRAM of 800 ns and 32 GiB/s, flash of 160
    microseconds and 0.1 GiB/s; the channels are ours. Raises `BadInputError` for lines shorter than a row.
    """

    sram_bytes: Annotated[int, Meta(ge=0)] = 16 << 20
    front_share: Share = 0.5
    look_ahead_share: Share = 0.25
    front_bytes: Count = 16
    back_bytes: Count = 128
    lines: Lines = "vector"
    line_bytes: Count = 128
    sram_bytes_per_ns: Above = 32.0
    dram: Tier = Tier(latency_ns=800.0, gib_s=32.0, channels=4)
    ssd: Tier = Tier(latency_ns=160_000.0, gib_s=0.1)
    overlapped: bool = False
    dram_rows: Annotated[int, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        if self.lines != "vector" and self.line_bytes < max(self.front_bytes, self.back_bytes):
            raise BadInputError(
                f"line_bytes: {self.line_bytes} hold no row of {max(self.front_bytes, self.back_bytes)} bytes",
                hint="give lines of at least a row, or lines = vector",
            )

    def entry_bytes(self, vector_bytes: int) -> int:
        """Return what an entry of a cache takes, and a miss moves."""
        return vector_bytes if self.lines == "vector" else self.line_bytes

    def per_entry(self, vector_bytes: int) -> int:
        """Return how many neighbouring rows an entry holds."""
        return self.line_bytes // vector_bytes if self.lines == "packed" else 1

    @property
    def look_ahead_bytes(self) -> int:
        """Bytes of the look-ahead cache."""
        return round(self.sram_bytes * self.look_ahead_share)

    @property
    def front_cache_bytes(self) -> int:
        """Bytes of the front end's static cache."""
        return round((self.sram_bytes - self.look_ahead_bytes) * self.front_share)

    @property
    def back_cache_bytes(self) -> int:
        """Bytes of the back end's static cache."""
        return self.sram_bytes - self.look_ahead_bytes - self.front_cache_bytes
