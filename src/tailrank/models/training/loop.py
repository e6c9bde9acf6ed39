"""The training loop: steps, hold-out quality, early stopping, checkpoints. The same for every course.

The random numbers of a step are a stream named by its number, so a training continued from a checkpoint takes the
same steps, to the bit, as one that was never interrupted (on one host with the same number of threads).
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adagrad, Adam, Optimizer

from tailrank.core import BadInputError, stream
from tailrank.models.training import checkpoint
from tailrank.models.training.course import Course

__all__ = ["Outcome", "Progress", "run"]

Progress = Callable[[str], None]
"""Told how far the training is, once in a while; may raise to stop it."""

_SAVE_S = 20.0  # between checkpoints, so that at most this is lost
_TELL_S = 0.5


@dataclass
class Outcome:
    """How far a training got: `history` holds (step, hold-out quality), `best_step` the one whose weights count."""

    step: int = 0
    best: float = float("-inf")
    best_step: int = 0
    stopped: bool = False
    seconds: float = 0.0
    history: list[tuple[int, float]] = field(default_factory=list)


def run(
    course: Course,
    *,
    seed: int,
    config: dict[str, Any],
    folder: Path | None,
    patience: int,
    name: str,
    progress: Progress,
) -> Outcome:
    """Train `course` to its end, or until the hold-out quality has not risen `patience` times; keep the best weights.

    Continues from the checkpoint in `folder` where there is one of the same `config`. On Ctrl-C (or whatever else ends
    it) the last step is saved first. Raises `BadInputError` for a checkpoint of another config, and a loss that is
    not finite.
    """
    trainer = _Trainer(course, seed, config, folder)
    trainer.restore()
    try:
        trainer.train(patience, name, progress)
    except BadInputError:
        raise
    except BaseException:
        trainer.save()
        raise
    trainer.use_best()
    return trainer.outcome


@contextmanager
def _whole_steps() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block: half an update could not be continued."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt


class _Trainer:
    """Weights, optimizers and how far they are."""

    def __init__(self, course: Course, seed: int, config: dict[str, Any], folder: Path | None) -> None:
        self.course, self.seed, self.config, self.folder = course, seed, config, folder
        self.outcome = Outcome()
        self.weights = course.weights
        self.best = checkpoint.clones(self.weights)
        self.optimizers: dict[str, Optimizer] = {}
        for weight_name, weight in self.weights.items():
            weight.requires_grad_(True)
            kind = Adagrad if weight_name in course.sparse else Adam
            self.optimizers[weight_name] = kind([weight])

    def train(self, patience: int, name: str, progress: Progress) -> None:
        """Take the steps that are left."""
        course, outcome = self.course, self.outcome
        began = saved = told = time.monotonic()
        before, waited = outcome.seconds, 0.0
        while outcome.step < course.steps and not outcome.stopped:
            with _whole_steps():
                self._step(outcome.step)
                outcome.step += 1
            if outcome.step % course.every == 0 or outcome.step == course.steps:
                self._look(patience)
            now = time.monotonic()
            outcome.seconds = before + now - began - waited
            if now - told > _TELL_S:
                told = now
                progress(_words(name, outcome, course.steps))
            if now - saved > _SAVE_S:
                self.save()
                saved = time.monotonic()
                waited += saved - now
        progress(_words(name, outcome, course.steps))

    def _step(self, step: int) -> None:
        loss = self.course.loss(step, stream(self.seed, "train", step))
        if not torch.isfinite(loss):
            raise BadInputError(f"the loss is {loss.item()} at step {step}", hint="lower the learning rate")
        torch.autograd.backward([loss])
        for name, rate in self.course.rates(step).items():
            optimizer = self.optimizers[name]
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
        for weight in self.weights.values():
            weight.grad = None

    def _look(self, patience: int) -> None:
        with torch.no_grad():
            quality = self.course.quality()
        outcome = self.outcome
        outcome.history.append((outcome.step, quality))
        if quality >= outcome.best:  # without a hold-out all are alike, and the last count
            outcome.best, outcome.best_step = quality, outcome.step
            self.best = checkpoint.clones(self.weights)
        outcome.stopped = sum(step > outcome.best_step for step, _ in outcome.history) >= patience

    def use_best(self) -> None:
        """Put the weights of the best hold-out quality in place."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.requires_grad_(False)
                weight.copy_(self.best[name])

    def save(self) -> None:
        """Write everything that the next step depends on."""
        if self.folder is None:
            return
        tensors = {f"weight/{name}": weight for name, weight in self.weights.items()}
        tensors |= {f"best/{name}": weight for name, weight in self.best.items()}
        for name, optimizer in self.optimizers.items():
            for entry, value in optimizer.state.get(self.weights[name], {}).items():
                tensors[f"optimizer/{name}/{entry}"] = value
        finite = self.outcome.best if self.outcome.history else None
        state = {**vars(self.outcome), "best": finite}
        checkpoint.write(self.folder, checkpoint.STATE, tensors, {**self.config, "state": state})

    def restore(self) -> None:
        """Continue where the checkpoint in the folder ended, if there is one."""
        found = checkpoint.read(self.folder, checkpoint.STATE) if self.folder is not None else None
        if found is None or self.folder is None:
            return
        tensors, config = found
        checkpoint.require_same(self.folder, config, self.config)
        state = dict(config["state"])
        state["history"] = [(int(step), float(quality)) for step, quality in state["history"]]
        state["best"] = float("-inf") if state["best"] is None else state["best"]
        self.outcome = Outcome(**state)
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[f"weight/{name}"])
                self.best[name] = tensors[f"best/{name}"]
                self.optimizers[name].state[weight] = _entries(tensors, f"optimizer/{name}/")


def _entries(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _words(name: str, outcome: Outcome, steps: int) -> str:
    share = outcome.step / steps
    done = "=" * round(20 * share)
    best = f", hold-out {outcome.best:.4f}" if outcome.history else ""
    return f"{name} [{done:<20}] {outcome.step}/{steps} steps, {outcome.seconds:.0f} s{best}"
