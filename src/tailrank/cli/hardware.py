"""What scores a model, as flags: the executor on CPU workers, and a GPU beside them."""

import argparse
import re
from typing import Final, NamedTuple, cast, get_args

from tailrank.cli.arguments import positive_float, positive_int
from tailrank.core import BadInputError, Pool
from tailrank.core.plan import DevicePrecision, ExecutorKind, Precision

__all__ = ["PRETENCE", "Gpu", "add_hardware", "gpu_of"]

PRETENCE: Final = "PRETENCE: the host stands in for a GPU; no number of it is a GPU's"
WORKERS = 2  # batches in flight: while one is computed, the next is copied


class Gpu(NamedTuple):
    """A GPU as a plan names it: `cuda`, `cuda:1`; or `host`, which stands in for one."""

    device: str
    workers: int = WORKERS
    precision: DevicePrecision = "fp32"

    @property
    def pretend(self) -> bool:
        """Whether the host stands in for a GPU."""
        return self.device == "host"

    def pool(self) -> Pool:
        """Return the pool of a plan that it serves."""
        return Pool(workers=self.workers, device=self.device, precision=self.precision)


def add_hardware(parser: argparse.ArgumentParser) -> None:
    """Add `--workers`, `--memory-gib`, `--executor`, `--precision` and the flags of a GPU."""
    parser.add_argument("--workers", type=positive_int, metavar="N", help="worker threads (default: one a core)")
    parser.add_argument(
        "--memory-gib", type=positive_float, metavar="X", help="room for tables (default: half of the memory)"
    )
    parser.add_argument(
        "--executor", choices=get_args(ExecutorKind), default="auto", help="who scores a batch (default: the fastest)"
    )
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="fp32", help="of the weights on CPU workers (default fp32)"
    )
    parser.add_argument(
        "--gpu",
        type=_device,
        nargs="?",
        const="cuda",
        metavar="DEVICE",
        help="offload to a GPU: cuda (also without a value) or cuda:N; host stands in for one, to try things out",
    )
    parser.add_argument(
        "--gpu-workers", type=positive_int, metavar="N", help=f"batches in flight on the GPU (default {WORKERS})"
    )
    parser.add_argument(
        "--gpu-precision", choices=get_args(DevicePrecision), help="what the GPU computes in (default fp32)"
    )


def gpu_of(args: argparse.Namespace) -> Gpu | None:
    """Return the GPU of the flags, None without one; raises `BadInputError` for its flags without `--gpu`."""
    if args.gpu is not None:
        precision = cast(DevicePrecision, args.gpu_precision or "fp32")
        return Gpu(args.gpu, args.gpu_workers or WORKERS, precision)
    for flag, value in (("--gpu-workers", args.gpu_workers), ("--gpu-precision", args.gpu_precision)):
        if value is not None:
            raise BadInputError(f"{flag} {value} says nothing without a GPU", hint="add --gpu")
    return None


def _device(text: str) -> str:
    if not re.fullmatch(r"cuda(:\d+)?|host", text):
        raise argparse.ArgumentTypeError(f"must be cuda, cuda:N or host, not `{text}`")
    return text
