import numpy as np
import pytest

from tailrank.core import stream
from tailrank.datasets import Examples, Queries, RankingData, load
from tailrank.zoo import Chain, Network, TableConfig

ITEMS = 40


@pytest.fixture(scope="session")
def clicks_data():
    return load("synthetic", tiny=True)


@pytest.fixture
def pair_network():
    """NeuMF in small: product of 8 dimensions, chain 12-6-1."""
    return Network(
        name="pair",
        family="neumf",
        tables=(
            TableConfig(10, 8, group="mf"),
            TableConfig(10, 8, group="mf"),
            TableConfig(10, 6, group="mlp", ids_of=0),
            TableConfig(10, 6, group="mlp", ids_of=1),
        ),
        chains=(Chain("mlp", (12, 6, 1)), Chain("head", (9, 1))),
        sla_ms=10.0,
        source="a test",
    )


@pytest.fixture(scope="session")
def walks_data():
    """Users who walk a ring of items, one step at a time: what comes next is certain, and no item is popular."""
    users, walked = 150, 12
    rng = stream(3, "walks")
    start = rng.integers(0, ITEMS, users)
    path = (start[:, None] + np.arange(walked + 2)) % ITEMS

    def examples(columns, negatives):
        user = np.repeat(np.arange(users), path[:, columns].shape[1])
        ids = np.stack([user, path[:, columns].ravel()], axis=1)
        others = np.stack([user, rng.integers(0, ITEMS, len(user))], axis=1) if negatives else ids[:0]
        label = np.concatenate([np.ones(len(ids)), np.zeros(len(others))]).astype(np.float32)
        both = np.concatenate([ids, others]).astype(np.int32)
        order = np.argsort(both[:, 0], kind="stable")
        return Examples(label[order], np.empty((len(both), 0), np.float32), both[order], (users, ITEMS))

    left = [np.setdiff1d(np.arange(ITEMS), path[user, : walked + 1]) for user in range(users)]
    queries = Queries(
        first=np.arange(users + 1, dtype=np.int64) * len(left[0]),
        item=np.concatenate(left).astype(np.int32),
        label=np.concatenate([(one == path[u, -1]) for u, one in enumerate(left)]).astype(np.float32),
        query_dense=np.empty((users, 0), np.float32),
        query_ids=np.arange(users, dtype=np.int32)[:, None],
        item_dense=np.empty((ITEMS, 0), np.float32),
        item_ids=np.arange(ITEMS, dtype=np.int32)[:, None],
        rows=(users, ITEMS),
    )
    train, held = examples(slice(0, walked), True), examples(slice(walked, walked + 1), True)
    return RankingData("walks", train, held, queries, ("pair",))
