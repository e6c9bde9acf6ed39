"""The native (C++) side: programs that score a batch in one call, and the pool of native workers. Imports no torch."""

from tailrank.native.compiled import Compiled
from tailrank.native.extension import available, path, paths, remedy, switched_off, why_not
from tailrank.native.inputs import NativeInputs, check_inputs
from tailrank.native.interpreter import interpret
from tailrank.native.program import Precision, Program
from tailrank.native.validate import check

__all__ = [
    "Compiled",
    "NativeInputs",
    "Precision",
    "Program",
    "available",
    "check",
    "check_inputs",
    "interpret",
    "path",
    "paths",
    "remedy",
    "switched_off",
    "why_not",
]
