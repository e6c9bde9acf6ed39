"""`tailrank accel cache`: the hit rate of a cache of embedding rows on a recorded trace of accesses."""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tailrank.cli.output import pairs, print_json, table
from tailrank.core import BadInputError

if TYPE_CHECKING:
    from tailrank.accelerator.memory import Numbered

HELP = "find the hit rate of a cache of embedding rows on a recorded trace of accesses, for any number of capacities"
EXAMPLE = """tailrank accel cache --trace recs.trace.xz --dtype '>i8' --policy lru --capacities 0.1% 1% 10%
  tailrank accel cache --trace recs.trace.xz --policy static --measured-from 50% --capacities 1000 --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--trace", required=True, metavar="FILE", help="keys in order of access, plain, .xz, .gz, .bz2")
    parser.add_argument(
        "--dtype", default=">i8", help="type of a key as NumPy writes it (default >i8: 8 bytes, big-endian)"
    )
    parser.add_argument(
        "--policy",
        choices=("lru", "fifo", "static"),
        default="lru",
        help="drop the row unused for longest, the one that came first, or none: the rows used most (default lru)",
    )
    parser.add_argument(
        "--capacities",
        nargs="+",
        default=["0.1%", "1%", "10%"],
        metavar="ROWS",
        help="rows the cache holds, or a share of the distinct keys with %% (default 0.1%% 1%% 10%%)",
    )
    parser.add_argument(
        "--measured-from",
        default="0",
        metavar="N",
        help="count no hits among the first N accesses, or share with %%; a static cache is trained on those (default: "
        "count all, train on all)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document to stdout and nothing else there")


def run(args: argparse.Namespace) -> int:
    """Simulate and print."""
    from tailrank.accelerator import memory

    keys = memory.read_keys(args.trace, args.dtype)
    memory.hits(args.policy, memory.number(keys[:2]), [1])  # compiles, so that only the work is timed
    trace, numbering_s = timed(lambda: memory.number(keys))
    begin = count(args.measured_from, len(trace.ids), "--measured-from")
    named = {
        word: max(count(word, trace.rows, "--capacities"), 1 if word.endswith("%") else 0)
        for given in args.capacities
        for word in given.replace(",", " ").split()
    }
    rows = list(named.values())
    found, caching_s = timed(lambda: memory.hits(args.policy, trace, rows, measured_from=begin))
    passes = len(rows) if args.policy == "fifo" else 1
    measured = len(trace.ids) - begin
    document: dict[str, Any] = {
        "trace": args.trace,
        "policy": args.policy,
        "accesses": len(trace.ids),
        "measured_accesses": measured,
        "rows": trace.rows,
        "hit_rate": dict(zip(named, (found / measured).tolist(), strict=True)),
        "hits": dict(zip(named, found.tolist(), strict=True)),
        "capacity_rows": named,
        "accesses_per_second": passes * len(trace.ids) / (numbering_s + caching_s),
        "numbering_s": numbering_s,
        "caching_s": caching_s,
        "passes": passes,
    }
    print_json(document) if args.json else print(_page(document, trace, rows))
    return 0


def count(text: str, whole: int, flag: str) -> int:
    """Read a count, or a share of `whole` that ends in %; raises `BadInputError` for anything else."""
    try:
        value = round(float(text[:-1]) / 100 * whole) if text.endswith("%") else int(text)
    except (ValueError, OverflowError):
        value = -1
    if value < 0:
        raise BadInputError(f"{flag}: `{text}` is neither a count nor a share", hint="such as 2000 or 0.1%")
    return value


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` returns, and the processor seconds it took."""
    start = time.process_time()
    found = work()
    return found, max(time.process_time() - start, 1e-9)


def _page(document: dict[str, Any], trace: "Numbered", rows: Sequence[int]) -> str:
    title = f"{document['policy']} on {document['trace']}"
    facts = [
        ("accesses", document["accesses"]),
        ("of them measured", document["measured_accesses"]),
        ("distinct keys", trace.rows),
        (
            "accesses a second",
            f"{document['accesses_per_second'] / 1e6:.1f} million on one core, numbering keys included",
        ),
    ]
    rates = [
        (word, each, f"{100 * document['hit_rate'][word]:.2f} %")
        for word, each in zip(document["hit_rate"], rows, strict=True)
    ]
    return pairs(title, facts) + "\n\n" + table(("capacity", "rows", "hit rate"), rates)
