"""The loop on a course whose answer is known: a least-squares fit."""

import signal

import numpy as np
import pytest
import torch

from tailrank.core import BadInputError
from tailrank.models.training.loop import run

GOAL = torch.tensor([1.0, -2.0, 3.0])


class Fit:
    """Noisy least squares towards `GOAL`; what `at` maps a step to happens before its loss."""

    steps, every, sparse = 40, 5, frozenset()

    def __init__(self, at=None, quality=None):
        self.weights = {"x": torch.zeros(3), "rests": torch.ones(2)}
        self.at, self.judge = at or {}, quality

    def rates(self, step):
        return {"x": 0.3}

    def loss(self, step, rng):
        if step in self.at:
            self.at.pop(step)()
        noise = torch.from_numpy(rng.normal(0, 0.1, 3).astype(np.float32))
        return (self.weights["x"] - GOAL + noise).square().sum()

    def quality(self):
        return self.judge() if self.judge else -float((self.weights["x"] - GOAL).square().sum())

    def finish(self, model):
        raise NotImplementedError


def train(course, folder=None, patience=100, config=None, seed=0, progress=lambda _: None):
    return run(
        course, seed=seed, config=config or {"a": 1}, folder=folder, patience=patience, name="fit", progress=progress
    )


def stop():
    raise KeyboardInterrupt


def test_it_gets_there_and_leaves_alone_what_has_no_rate():
    course = Fit()
    outcome = train(course)
    assert outcome.step == 40
    assert torch.allclose(course.weights["x"], GOAL, atol=0.5)
    assert course.weights["rests"].tolist() == [1, 1]


@pytest.mark.parametrize("step", [0, 1, 7, 25, 39])
def test_interrupted_and_continued_is_the_same_to_the_bit(step, tmp_path):
    whole = Fit()
    expected = train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(Fit({step: stop}), tmp_path)
    again = Fit()
    outcome = train(again, tmp_path)
    assert torch.equal(again.weights["x"], whole.weights["x"])
    assert outcome.history == expected.history


def test_ctrl_c_within_a_step_waits_for_its_end(tmp_path):
    whole, again = Fit(), Fit()
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(Fit({7: lambda: signal.raise_signal(signal.SIGINT)}), tmp_path)
    steps = []
    again.at = {step: lambda step=step: steps.append(step) for step in range(40)}
    train(again, tmp_path)
    assert steps[0] == 8
    assert torch.equal(again.weights["x"], whole.weights["x"])


def test_the_best_weights_count_and_patience_ends_it():
    marks = iter([1.0, 5.0, 4.0, 3.0, 2.0, 6.0, 7.0, 8.0])
    seen = []

    def judge():
        seen.append(course.weights["x"].detach().clone())
        return next(marks)

    course = Fit(quality=judge)
    outcome = train(course, patience=3)
    assert (outcome.stopped, outcome.step, outcome.best_step) == (True, 25, 10)
    assert torch.equal(course.weights["x"], seen[1])


def test_without_a_hold_out_the_last_weights_count():
    course = Fit(quality=lambda: 0.0)
    outcome = train(course, patience=1)
    assert (outcome.best_step, outcome.stopped) == (40, False)


def test_a_checkpoint_of_another_config_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(Fit({3: stop}), tmp_path)
    with pytest.raises(BadInputError, match="a 1, asked for is a 2"):
        train(Fit(), tmp_path, config={"a": 2})


def test_a_loss_that_is_not_finite_is_an_error():
    course = Fit({4: lambda: course.weights["x"].data.fill_(float("inf"))})
    with pytest.raises(BadInputError, match="at step 4"):
        train(course)


def test_progress_says_how_far_it_is():
    said = []
    train(Fit(), progress=said.append)
    assert "40/40 steps" in said[-1]
