"""Train a network on a data set, or get back what was trained."""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from tailrank.core import BadInputError
from tailrank.datasets import RankingData
from tailrank.models.model import Model, build
from tailrank.models.training import checkpoint
from tailrank.models.training.clicks import Clicks, ClickSettings
from tailrank.models.training.course import Course
from tailrank.models.training.loop import Progress, run
from tailrank.models.training.preferences import Preferences, Settings
from tailrank.models.training.rows import resized
from tailrank.zoo import Network, get

__all__ = ["Trained", "fit", "restore"]

_FORMAT = 1
_FAMILIES: Final[tuple[str, ...]] = ("dlrm", "neumf")


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained `model`, the `folder` it is kept in (None: nowhere), and `facts` of its training for reports."""

    model: Model
    folder: Path | None
    facts: dict[str, Any]


def fit(
    network: str | Network,
    data: RankingData,
    *,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress | None = None,
    settings: Settings | ClickSettings | None = None,
    patience: int = 3,
    threads: int | None = None,
) -> Trained:
    """Return `network`, its tables resized to the rows of `data`, trained on it; kept in `out`.

    Where `out` holds the same training, finished, that is returned; where one was interrupted, it goes on and gives
    the same bits as one that was not. Ctrl-C leaves a checkpoint of the last step. `settings` are of the network's
    family: `ClickSettings` for DLRM, `Settings` for NeuMF. Training ends early once the hold-out's quality has not
    risen `patience` looks in a row, and the best weights count. `threads` are torch's (None: as they are; more is
    faster, and changes the bits). Raises `BadInputError` for a network that does not fit the data or cannot be
    trained, and where `out` holds another network, other rows, data, settings or seed.
    """
    fitting = resized(get(network) if isinstance(network, str) else network, data.rows)
    course_of = _course(fitting, data, seed, settings)
    chosen = settings or (ClickSettings() if fitting.family == "dlrm" else Settings())
    config = {
        "format": _FORMAT,
        "network": checkpoint.described(fitting),
        "seed": seed,
        "data": {"name": data.name, "digest": _digest(data)},
        "settings": {**vars(chosen), "patience": patience},
    }
    if out is not None and (finished := checkpoint.read(out, checkpoint.MODEL)) is not None:
        checkpoint.require_same(out, finished[1], config)
        return Trained(restore(out), out, finished[1]["facts"])
    with _threads(threads):
        course = course_of()
        outcome = run(
            course,
            seed=seed,
            config=config,
            folder=out,
            patience=patience,
            name=fitting.name,
            progress=progress or _silent,
        )
        model = build(fitting, memory_bytes=fitting.table_bytes, seed=seed)
        course.finish(model)
    facts = {
        "steps": outcome.step,
        "best_step": outcome.best_step,
        "hold_out": outcome.history,
        "stopped_early": outcome.stopped,
        "seconds": round(outcome.seconds, 1),
        "threads": threads or torch.get_num_threads(),
    }
    if out is not None:
        checkpoint.write(out, checkpoint.MODEL, model.require_module().state_dict(), {**config, "facts": facts})
        for suffix in ("safetensors", "json"):
            (out / f"{checkpoint.STATE}.{suffix}").unlink(missing_ok=True)
    return Trained(model, out, facts)


def restore(folder: Path, network: str | None = None) -> Model:
    """Return the trained model kept in `folder`; its `network` has the rows that it was trained with.

    Raises `BadInputError` where there is none, where it is damaged, or where it is not of `network`.
    """
    found = checkpoint.read(folder, checkpoint.MODEL)
    if found is None:
        under_way = (folder / f"{checkpoint.STATE}.safetensors").exists()
        hint = "its training was interrupted: run it again to go on" if under_way else "train one there first"
        raise BadInputError(f"{folder}: no trained model", hint=hint)
    tensors, config = found
    try:
        kept = checkpoint.network_of(config["network"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{folder}: damaged checkpoint: {error}", hint="remove it and train again") from None
    if network is not None and kept.name != network:
        raise BadInputError(
            f"{folder}: the checkpoint there is of `{kept.name}`, asked for is `{network}`", hint="name its own folder"
        )
    model = build(kept, memory_bytes=kept.table_bytes)
    try:
        model.require_module().load_state_dict(tensors)
    except RuntimeError as error:
        line = " ".join(str(error).split())
        raise BadInputError(
            f"{folder}: the tensors are not those of `{kept.name}`: {line}", hint="train again"
        ) from None
    return model


def _course(
    network: Network, data: RankingData, seed: int, settings: Settings | ClickSettings | None
) -> Callable[[], Course]:
    """Return what makes the course of `network`'s family, having checked that it can be."""
    wide = data.train.dense.shape[1]
    if wide != network.dense:
        raise BadInputError(
            f"`{network.name}` reads {network.dense} dense features per item, `{data.name}` has {wide}",
            hint=f"networks for it: {', '.join(data.networks)}",
        )
    if network.family == "dlrm" and (settings is None or isinstance(settings, ClickSettings)):
        return lambda: Clicks(network, data, seed, settings)
    if network.family == "neumf" and (settings is None or isinstance(settings, Settings)):
        return lambda: Preferences(network, data, seed, settings)
    if network.family in _FAMILIES:
        raise BadInputError(f"settings of another family than `{network.family}`", hint="ClickSettings train DLRM")
    raise BadInputError(
        f"`{network.name}` is of the family `{network.family}`, which is not trained",
        hint=f"families that are: {', '.join(_FAMILIES)}",
    )


def _digest(data: RankingData) -> str:
    """Tell one data set's examples from another's."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (data.train, data.validation):
        for array in (part.label, part.dense, part.ids):
            digest.update(np.ascontiguousarray(array).data if array.size else b"none")
    return digest.hexdigest()


class _Threads:
    """torch's threads for a while."""

    def __init__(self, threads: int) -> None:
        self._threads, self._before = threads, torch.get_num_threads()

    def __enter__(self) -> None:
        torch.set_num_threads(self._threads)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)


def _threads(threads: int | None) -> Any:
    return nullcontext() if threads is None else _Threads(threads)


def _silent(_: str) -> None:
    pass
