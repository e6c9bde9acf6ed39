// Scorers with known scores and times, for tests and for measuring the pool itself; twins of engine/scorer.py's.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#include "scorer.h"

namespace tailrank {

// Scores zero, at once.
struct NullScorer final : Scorer {
  explicit NullScorer(std::int64_t rows) : rows_(rows) {}
  std::int64_t rows() const override { return rows_; }
  void score(std::int64_t first, std::int64_t stop, float* out) override { std::fill(out, out + (stop - first), 0.0f); }
  void score_rows(const std::int64_t*, std::int64_t count, float* out) override { std::fill(out, out + count, 0.0f); }

 private:
  std::int64_t rows_;
};

// Sleeps fixed_ns + item_ns * n a batch; the score of a row is its number, negated.
struct TimedScorer final : Scorer {
  TimedScorer(std::int64_t fixed_ns, std::int64_t item_ns, std::int64_t rows)
      : fixed_ns_(fixed_ns), item_ns_(item_ns), rows_(rows) {}
  std::int64_t rows() const override { return rows_; }

  void score(std::int64_t first, std::int64_t stop, float* out) override {
    sleep(stop - first);
    for (std::int64_t row = first; row < stop; ++row) out[row - first] = -static_cast<float>(row);
  }

  void score_rows(const std::int64_t* rows, std::int64_t count, float* out) override {
    sleep(count);
    for (std::int64_t i = 0; i < count; ++i) out[i] = -static_cast<float>(rows[i]);
  }

 private:
  void sleep(std::int64_t count) const {
    std::this_thread::sleep_for(std::chrono::nanoseconds(fixed_ns_ + item_ns_ * count));
  }

  std::int64_t fixed_ns_, item_ns_, rows_;
};

}  // namespace tailrank
