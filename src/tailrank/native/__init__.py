"""The native (C++) side: programs that score a batch in one call, and the pool of native workers. Imports no torch."""

from tailrank.native.interpreter import interpret
from tailrank.native.program import Program
from tailrank.native.validate import NativeInputs, check, check_inputs

__all__ = ["NativeInputs", "Program", "check", "check_inputs", "interpret"]
