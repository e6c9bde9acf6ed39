"""From the zoo's torch modules to native programs, and the executor over them."""

from tailrank.models.native.executor import NativeExecutor, native_executor
from tailrank.models.native.lower import lower

__all__ = ["NativeExecutor", "lower", "native_executor"]
