// Stage to stage without the dispatcher: the worker that finishes the last slice of a stage chooses the best and queues
// the next stage, in its own pool or another. For plans that decide nothing by the state of the pools.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "board.h"
#include "kernels.h"

namespace tailrank {

class Pool;

// What a run tells its pools: where each query's candidates begin (`base` in the run's scores, count + 1 long; `row` in
// the prepared rows, count long) and where scores go. All outlive the pools.
struct Sheet {
  const std::int64_t* base;
  const std::int64_t* row;
  float* scores;
};

class Relay {
 public:
  // Stage i keeps `keeps[i]` candidates, or all where it is negative. Where it does not remember, what a query kept is
  // forgotten when the query finishes: answers cannot be read then.
  Relay(Board& board, Sheet sheet, std::vector<std::int64_t> keeps, bool remembers);

  // Says where a stage after the first goes: queries of at least `offload_at` candidates whole to `away` (may be null),
  // the others to `pool` in slices of at most `step`. Before any pool starts.
  void link(std::int32_t stage, std::shared_ptr<Pool> pool, std::int64_t step, std::int64_t offload_at,
            std::shared_ptr<Pool> away);

  std::int32_t stages() const { return static_cast<std::int32_t>(keeps_.size()); }
  const Sheet& sheet() const { return sheet_; }

  // A worker of `from` did the last slice of a stage, whose scores of `done.size` candidates are there: takes the query
  // on, finishes it, or fails it.
  struct Done {
    std::int64_t query, size, deadline_ns;
    std::int32_t stage;
  };
  void stage_done(Pool& from, const Done& done);

  // The prepared rows that `query` took into its last stage, and how many: 0 where it never went on, or was forgotten.
  // When the pools have stopped.
  std::int64_t kept(std::int64_t query) const { return kept_[query].count; }
  const std::int64_t* rows(std::int64_t query) const { return kept_[query].rows.get(); }

 private:
  struct Kept {
    std::unique_ptr<std::int64_t[]> rows;
    std::int64_t count = 0;
  };
  struct Link {
    std::shared_ptr<Pool> pool, away;
    std::int64_t step = 0, offload_at = 0;
  };

  void send_on(Pool& from, const Done& done);

  Board& board_;
  const Sheet sheet_;
  const std::vector<std::int64_t> keeps_;
  const bool remembers_;
  const Kernels& kernels_;
  std::vector<Link> links_;        // by stage
  std::unique_ptr<Kept[]> kept_;   // by query; of whoever did the last slice of its stage
};

}  // namespace tailrank
