#include "relay.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "pool.h"
#include "program.h"
#include "select.h"

namespace tailrank {

Relay::Relay(Board& board, Sheet sheet, std::vector<std::int64_t> keeps, bool remembers)
    : board_(board),
      sheet_(sheet),
      keeps_(std::move(keeps)),
      remembers_(remembers),
      kernels_(chosen_kernels()),
      links_(keeps_.size()),
      kept_(new Kept[static_cast<std::size_t>(board.count())]) {
  if (keeps_.empty()) throw std::invalid_argument("a funnel has at least one stage");
  if (std::count(keeps_.begin(), keeps_.end(), 0)) throw std::invalid_argument("a stage keeps at least one candidate");
}

void Relay::link(std::int32_t stage, std::shared_ptr<Pool> pool, std::int64_t step, std::int64_t offload_at,
                 std::shared_ptr<Pool> away) {
  if (stage < 1 || stage >= stages()) throw std::out_of_range("no stage before that one");
  if (step < 1) throw std::out_of_range("batch size must be at least 1");
  for (const Pool* each : {pool.get(), away.get()}) {
    if (each && (!each->serves(stage) || !each->relayed_by(*this))) {
      throw std::invalid_argument("that pool does not serve the stage, or is another relay's");
    }
  }
  if (!pool) throw std::invalid_argument("a stage needs a pool");
  links_[static_cast<std::size_t>(stage)] = {std::move(pool), std::move(away), step, offload_at};
}

void Relay::stage_done(Pool& from, const Done& done) {
  if (done.stage + 1 == stages()) {
    board_.finish(done.query);
    if (!remembers_) kept_[done.query] = {};
    return;
  }
  try {
    if (board_.live(done.query)) send_on(from, done);
  } catch (const std::exception& error) {  // out of memory, or rows that the next stage has not: never the run's loss
    board_.fail(done.query, error.what());
  }
}

void Relay::send_on(Pool& from, const Done& done) {
  const std::int64_t query = done.query, keep = keeps_[static_cast<std::size_t>(done.stage)];
  const std::int64_t count = keep < 0 ? done.size : std::min(done.size, keep);
  Kept& kept = kept_[query];
  const std::int64_t* before = kept.rows.get();  // nobody reads them any more: the stage is done
  if (!before) kept.rows.reset(new std::int64_t[static_cast<std::size_t>(count)]);
  const float* scores = sheet_.scores + sheet_.base[query];
  kept.count = choose(kernels_, scores, done.size, count, before, sheet_.row[query], kept.rows.get());
  const Link& next = links_[static_cast<std::size_t>(done.stage) + 1];
  if (!next.pool) throw std::logic_error("nobody said where the next stage goes");
  const bool goes_away = next.away && count >= next.offload_at;
  Pool& pool = goes_away ? *next.away : *next.pool;
  const std::int64_t step = goes_away ? count : next.step;
  if (!pool.submit_kept(from, query, done.stage + 1, count, step, done.deadline_ns, kept.rows.get())) {
    board_.fail(query, "refused: " + std::to_string(pool.queue_limit()) + " slices were waiting already");
  }
}

}  // namespace tailrank
