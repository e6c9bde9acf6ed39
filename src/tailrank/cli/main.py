"""The door of the command line: finds the verb, and turns every error a user can mend into two lines.

Exit codes: 0 done, 2 bad input, 3 nothing meets the target, 4 this host lacks something, 130 interrupted.
Nothing heavier than argparse is imported here: `tailrank --help` must not load numpy or torch.
"""

import argparse
import difflib
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from tailrank import __version__

__all__ = ["VERBS", "main"]

# Name and help of each verb; the module of the same name says the same (a test compares them).
VERBS = {
    "tune": "find the plan with the highest capacity that meets the SLA target, and prove it on the engine",
    "explore": "train the tiers on labelled data, search the funnels of them, and prove the best one on the engine",
    "bench": "serve a plan on the real engine at given loads and report latency",
    "profile": "measure how long batches take on this machine",
    "plan": "say how many hosts of which kinds a day's traffic needs, hour by hour, with power and cost",
    "simulate": "serve a trace in the simulator and report latency",
    "reproduce": "run a published study again: DeepRecSys, RecPipe or RPAccel, without their machines",
    "accel": "model RPAccel, the accelerator of RecPipe: latency, capacity, energy and area of a design, "
    "cycles of its array",
    "doctor": "say what this machine offers, and what will be slow and why",
}
EXTRAS = {"torch": "torch", "psutil": "torch", "plotly": "report", "jinja2": "report", "optuna": "explore"}
BAD_INPUT, LACKING, INTERRUPTED, BROKEN_PIPE = 2, 4, 130, 141


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors have the same two lines as every other error of Tailrank."""

    def error(self, message: str) -> NoReturn:
        """Print message and hint to stderr and exit with code 2."""
        _complain(message, self._hint(message))
        raise SystemExit(BAD_INPUT)

    def _hint(self, message: str) -> str:
        flags = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
        unknown = message.partition("unrecognized arguments: ")[2].split()
        close = difflib.get_close_matches(unknown[0].partition("=")[0], flags, n=1) if unknown else []
        return f"did you mean `{close[0]}`?" if close else f"`{self.prog} --help` shows every flag and an example"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (`argv` without the program's name; absent: the process's own); return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            code = _run(words)
        except SystemExit as stop:  # argparse: --help, --version and its errors
            code = stop.code if isinstance(stop.code, int) else 0
        sys.stdout.flush()  # a closed pipe must show here, not when the interpreter exits
        return code
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        code = _explain(error)
        if not code:
            raise
        return code


def _run(words: list[str]) -> int:
    if not words or words[0].startswith("-"):
        _front_page().parse_args(words)
        _complain("no verb given", f"`tailrank VERB`, with VERB one of {', '.join(VERBS)}")
        return BAD_INPUT
    name, *rest = words
    if name not in VERBS:
        close = difflib.get_close_matches(name, VERBS, n=1)
        mend = f"did you mean `{close[0]}`? " if close else ""
        _complain(f"unknown verb `{name}`", f"{mend}known: {', '.join(VERBS)}")
        return BAD_INPUT
    verb = importlib.import_module(f"tailrank.cli.{name}")
    code: int = verb.run(_parser(verb).parse_args(rest))
    return code


def _front_page() -> Parser:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name:<{width}}  {text}" for name, text in VERBS.items())
    parser = Parser(
        prog="tailrank",
        usage="tailrank [--help] [--version] VERB ...",
        description="Find, prove and serve the ranking plan with the highest capacity that meets the tail target.",
        epilog=f"verbs:\n{verbs}\n\n`tailrank VERB --help` shows the flags of a verb and an example.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tailrank {__version__}")
    return parser


def _parser(verb: ModuleType) -> Parser:
    parser = Parser(
        prog=f"tailrank {verb.NAME}",
        description=f"{verb.HELP[0].upper()}{verb.HELP[1:]}.",
        epilog=f"example:\n  {verb.EXAMPLE.strip()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.add_arguments(parser)
    return parser


def _explain(error: Exception) -> int:
    """Print what the user can do about `error` and return the exit code; 0 when it is our own fault."""
    from tailrank.core import TailrankError  # late: whatever raised one has loaded it already

    if isinstance(error, TailrankError):
        _complain(error.message, error.hint)
        return error.exit_code
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] in EXTRAS:
        package = error.name.partition(".")[0]
        _complain(f"{package} is not installed", f"pip install {package}, or '.[{EXTRAS[package]}]' in a checkout")
        return LACKING
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}the disk is full", "free some space or choose a place on another disk")
        return LACKING
    if isinstance(error, MemoryError):
        _complain("this host has not enough memory for that", "give a smaller model, trace or --memory, if it has one")
        return LACKING
    return 0


def _complain(message: str, hint: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
