"""A registry: names in files and flags become things, or an error that lists the known names."""

import difflib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from tailrank.core.errors import BadInputError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one `kind` by name. Used only where a file or flag must name a thing."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that files its argument under `name`; a name is given once."""

        def put(thing: T) -> T:
            if name in self._things:
                raise ValueError(f"{self.kind} `{name}` is registered twice")
            self._things[name] = thing
            return thing

        return put

    def get(self, name: str) -> T:
        """Return the thing called `name`; raises `BadInputError` listing the known names."""
        if name in self._things:
            return self._things[name]
        close = difflib.get_close_matches(name, self._things, n=1)
        mend = f"did you mean `{close[0]}`? " if close else ""
        raise BadInputError(f"unknown {self.kind} `{name}`", hint=f"{mend}known: {', '.join(sorted(self._things))}")
