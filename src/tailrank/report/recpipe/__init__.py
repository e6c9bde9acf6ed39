"""The page of the RecPipe study: what the document of `tailrank reproduce recpipe` holds, for people.

The document (schema 1) has, beside `command`, `seed`, `quick`, `seconds`, `versions` and `made_at`:

- `logged`: the artifact's own figures, each row with its tag: `cut`, `quality`, `error`, `p95`. Ours is never there.
- `data` and `quality`, by data set: facts of the data and tiers; `networks`, `items`, `auc`, `single` and `funnels`
  (rows of {funnel, ndcg, ndcg_ci95, all_relevant, all_relevant_ci95}, from 0 to 1), `effects` in points.
- `latency`: `inferred` {spread, late_ms, from}, `cells` (a logged tail each, with `ours`: reading -> [mean, least,
  most] in ms), `errors` by reading, `ratios` by nominal load, `too_fast`.
- `modern`: `outcomes` on modelled hosts ({funnel, gpu, batch, naive, p95_ms: [[qps, ms or null]], capacity_qps,
  stage_ms}), `collapse`, `beside`.
- `limits`: `gpu`, `logged_t4`, `monolithic`: rows of shares; and `cut`: `rows`, `vanishes`, `capacity`, `own_quality`.
- `checks`: {check (10 or 13), where, text, holds (null: cannot be told), ours}.

Any of them may be missing: the page says so. Not aware of how the numbers came about, and invents none.
"""

from tailrank.report.recpipe.page import render, write

__all__ = ["render", "write"]
