// What became of every query of one run: pieces still out, finished, failed; the pools report here, the dispatcher reads.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parker.h"

namespace tailrank {

class Board {
 public:
  // `finish_ns` has `count` entries of -1 and outlives the board; a query's is written when it finishes.
  Board(std::int64_t* finish_ns, std::int64_t count)
      : finish_ns_(finish_ns), count_(count), queries_(new Query[static_cast<std::size_t>(count)]), open_(count) {}

  std::int64_t count() const { return count_; }
  std::int64_t origin_ns() const { return origin_ns_.load(std::memory_order_relaxed); }
  void set_origin_ns(std::int64_t origin_ns) { origin_ns_.store(origin_ns, std::memory_order_relaxed); }
  std::int64_t now_ns() const { return monotonic_ns() - origin_ns(); }
  bool live(std::int64_t query) const { return queries_[query].state.load(std::memory_order_acquire) == kLive; }
  bool idle() const { return open_.load(std::memory_order_acquire) == 0; }

  // The query's next stage is out in `slices` pieces; say so before any of them can be done.
  void expect(std::int64_t query, std::int32_t slices) {
    queries_[query].left.store(slices, std::memory_order_relaxed);
  }

  // One piece is done; true where it was the last of its stage. What the others wrote can be read then.
  bool last_done(std::int64_t query) {
    return queries_[query].left.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  // One piece is done: the last of a final stage finishes the query, the last of another lets it go on.
  void slice_done(std::int64_t query, std::int32_t stage, bool final) {
    if (!last_done(query)) return;
    if (final) {
      finish(query);
    } else if (live(query)) {
      tell(query, stage);
    }
  }

  // The query is through its last stage, unless it was given up.
  void finish(std::int64_t query) {
    if (!close(query, kDone)) return;
    finish_ns_[query] = now_ns();
    one_less();
  }

  // Gives a query up; false when it was over already. Pieces that have not started are dropped.
  bool fail(std::int64_t query, std::string reason) {
    if (!close(query, kFailed)) return false;
    {
      std::lock_guard<std::mutex> hold(lock_);
      errors_.emplace(query, std::move(reason));
    }
    one_less();
    return true;
  }

  // Waits until a query is ready for its next stage, all are over, or `timeout_ns` has passed; returns (query, stage
  // it finished) in the order they finished.
  std::vector<std::pair<std::int64_t, std::int32_t>> wait(std::int64_t timeout_ns) {
    const std::int64_t until_ns = monotonic_ns() + timeout_ns;
    for (bool in_time = true;;) {
      {
        std::lock_guard<std::mutex> hold(lock_);
        if (!ready_.empty() || idle() || !in_time) return std::exchange(ready_, {});
      }
      in_time = reader_.park(until_ns);
    }
  }

  std::unordered_map<std::int64_t, std::string> errors() {
    std::lock_guard<std::mutex> hold(lock_);
    return errors_;
  }

 private:
  enum State : std::uint8_t { kLive, kDone, kFailed };
  struct Query {
    std::atomic<std::int32_t> left{0};
    std::atomic<std::uint8_t> state{kLive};
  };

  bool close(std::int64_t query, State state) {
    std::uint8_t live = kLive;
    return queries_[query].state.compare_exchange_strong(live, state, std::memory_order_acq_rel);
  }

  void tell(std::int64_t query, std::int32_t stage) {
    {
      std::lock_guard<std::mutex> hold(lock_);
      ready_.emplace_back(query, stage);
    }
    reader_.wake();
  }

  void one_less() {
    if (open_.fetch_sub(1, std::memory_order_acq_rel) == 1) reader_.wake();
  }

  std::int64_t* finish_ns_;
  std::int64_t count_;
  std::unique_ptr<Query[]> queries_;
  std::atomic<std::int64_t> origin_ns_{0};
  alignas(64) std::atomic<std::int64_t> open_;
  std::mutex lock_;
  std::vector<std::pair<std::int64_t, std::int32_t>> ready_;  // under lock
  std::unordered_map<std::int64_t, std::string> errors_;        // under lock
  Parker reader_;
};

}  // namespace tailrank
