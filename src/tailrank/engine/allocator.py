"""The C library's allocator, told to keep what a batch frees for the next batch.

By default glibc returns large blocks to the system when they are freed and gets them back, zeroed page by
page, for the next batch: the activations of a batch of 1,024 then cost as much as the network's arithmetic,
and workers queue for the kernel's memory lock. benchmarks/allocator.py measures both settings.
"""

import ctypes

__all__ = ["keep_freed_memory"]

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)
LARGEST_HEAP_BLOCK = 32 << 20  # glibc's own upper limit for the mmap threshold
KEEP_BYTES = 1 << 30  # free memory a heap may hold on to


def keep_freed_memory() -> bool:
    """Apply the settings to this process; False where the C library has no such knobs (not glibc)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((M_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK), (M_TRIM_THRESHOLD, KEEP_BYTES), (M_TOP_PAD, 64 << 20))
    return all(int(mallopt(name, value)) == 1 for name, value in settings)
