"""The networks by name."""

from collections.abc import Callable

from tailrank.core import BadInputError, Registry
from tailrank.zoo import artifact, funnel, paper
from tailrank.zoo.network import Network

__all__ = ["get", "names"]

_networks: Registry[Callable[..., Network]] = Registry("network")
for _module in (paper, artifact, funnel):
    for _name, _make in _module.NETWORKS.items():
        _networks.register(_name)(_make)

_MULTI_TASK = ("mtwnd", "mtwnd-artifact")


def get(name: str, *, tasks: int | None = None) -> Network:
    """Return the network called `name`, with `tasks` towers where it is a multi-task network.

    Raises `BadInputError` for an unknown name, or `tasks` a network cannot have.
    """
    make = _networks.get(name)
    if tasks is None:
        return make()
    if name not in _MULTI_TASK and tasks != 1:
        raise BadInputError(
            f"network `{name}` has one task, not {tasks}",
            hint=f"leave tasks out; networks with several: {', '.join(_MULTI_TASK)}",
        )
    if tasks < 1:
        raise BadInputError(f"tasks start at 1, not {tasks}", hint="give 1 or more")
    return make(tasks=tasks) if name in _MULTI_TASK else make()


def names() -> tuple[str, ...]:
    """Return all names: DeepRecSys' paper shapes, its repository's (`-artifact`), then RecPipe's tiers."""
    return tuple(_networks)
