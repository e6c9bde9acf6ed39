import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tailrank.datasets import Examples
from tailrank.models.training.histories import DECAYS, LENGTH, Histories

CLICKS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), min_size=1, max_size=200).filter(
    lambda rows: any(clicked for _, _, clicked in rows)
)


def histories(rows):
    users, items, clicked = (np.array(column) for column in zip(*rows, strict=True))
    ids = np.stack([users, items], axis=1).astype(np.int32)
    return Histories(Examples(clicked.astype(np.float32), np.empty((len(ids), 0), np.float32), ids, (4, 6)))


@given(CLICKS, st.integers(0, 10**6))
def test_before_and_after_a_moment_are_the_users_own_clicks_in_order(rows, pick):
    made = histories(rows)
    at = pick % len(made)
    user = int(made.user[at])
    own = [item for other, item, clicked in rows if other == user and clicked]
    place = at - int(made.first[user])
    bags = made.before(made.user[at : at + 1], torch.tensor([at]))
    past = [int(item) for item in bags.item[0] if item < 6]
    assert past == own[:place][::-1][:LENGTH]
    target, there = made.after(made.user[at : at + 1], torch.tensor([at]), 7)
    assert target[there].tolist() == own[place : place + 7]


@given(CLICKS)
def test_users_without_clicks_are_the_base_and_padding_adds_nothing(rows):
    made = histories(rows)
    tables = [torch.ones(7, 2) * (number + 1) for number in range(len(DECAYS))]
    for table in tables:
        table[6] = 1e9  # the row of no item
    vectors = made.now(torch.arange(4)).vectors(tables, torch.tensor([0.5, 0.5]))
    assert vectors.abs().max() < 1e3
    for user in range(4):
        if made.first[user] == made.first[user + 1]:
            assert vectors[user].tolist() == [0.5, 0.5]


def test_a_vector_is_the_decaying_sum_over_the_root_of_the_weights():
    made = histories([(0, 2, True), (0, 4, True), (0, 1, False), (0, 3, True)])
    table = torch.arange(7.0)[:, None] * torch.ones(7, 1)
    zero = torch.zeros(7, 1)
    found = made.now(torch.tensor([0])).vectors([table, zero], torch.zeros(1))
    weights = np.exp(-np.arange(3) / DECAYS[0])
    assert found.item() == pytest.approx(float(weights @ [3, 4, 2]) / np.sqrt(weights.sum()), rel=1e-5)


def test_what_was_seen_is_every_click():
    made = histories([(0, 2, True), (1, 4, True), (0, 1, False), (0, 3, True)])
    assert made.seen(np.array([0, 2])).tolist() == [[False, False, True, True, False, False], [False] * 6]
