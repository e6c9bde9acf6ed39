// What a worker of the native pool calls: rows of prepared candidates in, scores out.
#pragma once
#include <cstdint>

namespace tailrank {

struct Scorer {
  virtual ~Scorer() = default;
  virtual std::int64_t rows() const = 0;
  // Scores rows first..stop-1 into out[0..stop-first). Called by several threads at once. Throws std::exception.
  virtual void score(std::int64_t first, std::int64_t stop, float* out) = 0;
  // Scores the given rows, gathered, into out[0..count).
  virtual void score_rows(const std::int64_t* rows, std::int64_t count, float* out) = 0;
};

}  // namespace tailrank
