"""What RecPipe's artifact does that its paper does not mean: each a switch, on in `RELEASED`, off in `CORRECTED`."""

from msgspec.structs import fields, replace

from tailrank.core import BadInputError, Config

__all__ = ["CORRECTED", "RELEASED", "Bugs", "bug_names", "with_bug"]


class Bugs(Config, frozen=True, kw_only=True):
    """One field a difference between the artifact's published formulas and ours; true: as published.

    - `link_unit`: the link's microseconds count as thousands of cycles, so that it is as many times slower as a cycle
      has nanoseconds.
    - `link_every_stage`: every stage pays the link both ways, also between two stages on the chip.
    - `link_returns_nothing`: with the top-k unit on the chip, the way back carries no item at all.
    - `filter_clock_twice`: the top-k unit's cycles are divided by the clock period once too often.
    - `host_filter_steps`: sorting on the host takes 0.03, 0.07 or 0.35 ms up to 511, 1,024 and 4,096 items, and is
      undefined beyond; ours is in proportion to n log n.
    - `starved_sixtyfourth`: a 64th of the chip gets 0.125 GiB/s instead of 0.5.
    - `undivided_sram`: every slice keeps 1 MB for weights and gathers 64 bytes a cycle, however many slices there are.
    - `whole_loads`: weights beyond the weight SRAM are loaded in whole fillings of it, the last one too.
    - `four_byte_weights`: weights are loaded as fp32, though the array's operands are narrower.
    - `coarse_tiles`: every tile of a layer takes the time of the largest; ours are the folds of `array`.
    - `concat_width`: the top MLP reads all rows end to end (27 d) where the network has dot products (351 + d).
    - `free_interaction`: dot products and products of rows take no time.
    - `artifact_neumf`: NeuMF's shapes as configured, which contradict themselves; ours are those of the zoo.
    - `no_energy`: energy is always 0.
    """

    link_unit: bool = False
    link_every_stage: bool = False
    link_returns_nothing: bool = False
    filter_clock_twice: bool = False
    host_filter_steps: bool = False
    starved_sixtyfourth: bool = False
    undivided_sram: bool = False
    whole_loads: bool = False
    four_byte_weights: bool = False
    coarse_tiles: bool = False
    concat_width: bool = False
    free_interaction: bool = False
    artifact_neumf: bool = False
    no_energy: bool = False


def bug_names() -> tuple[str, ...]:
    """Return the names of all switches, in order."""
    return tuple(field.name for field in fields(Bugs))


CORRECTED = Bugs()
RELEASED = Bugs(**dict.fromkeys(bug_names(), True))


def with_bug(bugs: Bugs, name: str, on: bool) -> Bugs:
    """Return `bugs` with the switch `name` set; raises `BadInputError` for a name there is not."""
    if name not in bug_names():
        raise BadInputError(f"no bug is called `{name}`", hint=f"known: {', '.join(bug_names())}")
    return replace(bugs, **{name: on})
