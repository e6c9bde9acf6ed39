"""From the zoo's torch modules to native programs."""

from tailrank.models.native.lower import lower

__all__ = ["lower"]
