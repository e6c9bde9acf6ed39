"""The page of the DeepRecSys study: what the document of `tailrank reproduce deeprecsys` holds, for people.

The document (schema 1) has, beside `command`, `seed`, `seconds`, `versions` and `made_at`:

- `cells`: one row for each network x target x host x scheduler: `network`, `target` (low|medium|high), `host`,
  `scheduler` (static|cpu|gpu), `sla_ms`, `capacity_qps`, `capacity_ci95_qps` [low, high], `batch_size`,
  `offload_at` (null: no offload), `gpu_query_share`, `gpu_item_share`, `qps_per_watt`, `gain`.
- `geomean_gain`: host -> scheduler -> target -> gain.
- `curves`: `batch_size` and `offload_at`, each a list of {network, host, target, batch_size, offload_at,
  capacity_qps, ci95_qps}: capacity against one knob, everything else as tuned.
- `penalty`: list of {network, target, host, lognormal_batch_size, production_batch_size, lognormal_capacity_qps,
  capacity_qps, penalty}: the plan tuned on lognormal sizes against the one tuned on production sizes, both run on
  production sizes; `penalty` is the capacity of the second over that of the first.
- `poisson`: list of {network, target, host, exact_qps, integer_qps, ratio}: capacity under exact Poisson arrivals and
  under the paper's integer-Poisson ones.
- `readings`: list of {name, assumption, host, gain: {low, medium, high}}: gains of the GPU under other assumptions.
- `claims`: list of {text, holds, ours}: what any such study must show.
- `repeats`: list of {network, host, target, batch_size, other_batch_size, steps}: the search with another seed.
- `regret` (optional): list of {network, target, host, scheduler, climb_qps, climb_batch_size, climb_offload_at,
  best_qps, best_batch_size, best_offload_at, regret, before_joint, fresh [ratio, low, high] or null, evaluations,
  exhaustive}.
- `fidelity` (optional): {absent, workers, others, left_out, seconds, rows}: rows are {network, load, offered_qps,
  queries, engine_ms, own_times_ms, profiled_ms}: p95 of the same trace and plan on this host's engine, simulated with
  the run's own service times, and with a profile's; `absent` says why there are none.
- `evidence`: what needs no simulation, of `gather`; and `checks`, of `check`.

Any of them may be missing: the page says so. Not aware of how the numbers came about, and invents none.
"""

from tailrank.report.study.checks import check
from tailrank.report.study.evidence import gather
from tailrank.report.study.page import render, write

__all__ = ["check", "gather", "render", "write"]
