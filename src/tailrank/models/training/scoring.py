"""Score tables: every candidate of labelled queries through each model, in the bits that the engine's scorer gives.

The native executor gives a candidate the same bits in any batch, so batches here may be as large as is fast, and a
funnel run on the engine equals the one read off the tables exactly. torch's kernels round by the shape of the batch:
where no native executor was built, tables and engine agree to about 1e-7 only, and `facts["exact"]` says so.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.datasets import Queries
from tailrank.datasets.score_tables import ScoreTables
from tailrank.models.executor import Executor
from tailrank.models.model import Model
from tailrank.models.training.rows import network_inputs
from tailrank.native import available

__all__ = ["score_tables"]

_BATCH = 16_384
_THREADS = 2


def score_tables(
    models: Mapping[str, Model],
    queries: Queries,
    *,
    batch: int = _BATCH,
    threads: int = _THREADS,
    progress: Callable[[str], None] | None = None,
    out: Path | None = None,
) -> ScoreTables:
    """Return the scores that each of `models` gives every candidate of `queries`; saved to `out` where it is given.

    `batch` candidates at a time on each of `threads`. Raises `BadInputError` for models without a network of the zoo,
    networks that do not fit the queries, and scores that are not finite.
    """
    exact = available()
    tables = {name: _scored(name, model, queries, batch, threads, progress) for name, model in models.items()}
    facts = {"executor": "native" if exact else "torch", "exact": exact, "batch": batch, "precision": "fp32"}
    made = ScoreTables(queries.first, queries.item, queries.label, tables, facts)
    if out is not None:
        made.save(out)
    return made


def _scored(
    name: str, model: Model, queries: Queries, batch: int, threads: int, progress: Callable[[str], None] | None
) -> NDArray[np.float32]:
    network = model.network
    if network is None:
        raise BadInputError(f"`{name}` is no network of the zoo: what it reads is not known", hint="train one of those")
    rows = tuple(table.rows for table in network.tables if table.ids_of is None)
    if rows != queries.rows:
        raise BadInputError(
            f"`{name}` was built for tables of rows {rows}, the queries have {queries.rows}",
            hint="resize the network to the data, or load the data it was trained on",
        )
    executor: Executor = model.executor("native" if available() else "torch")
    scores = np.empty(queries.candidates, dtype=np.float32)

    def score(part: tuple[int, int]) -> None:
        first, end = part
        scores[first:end] = executor(network_inputs(network, *queries.examples(first, end))).numpy()

    parts = list(queries.batches(batch))
    with ThreadPoolExecutor(threads) as pool:
        for done, _ in enumerate(pool.map(score, parts), 1):
            if progress is not None and (done % 16 == 0 or done == len(parts)):
                progress(f"scoring with {name}: {done}/{len(parts)} batches")
    return scores
