#include "select.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace tailrank {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

// Numbers in the order of the scores, and equal for both zeros.
std::int64_t key_of(float score) {
  score += 0.0f;  // minus zero becomes zero
  std::int32_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  return bits < 0 ? bits ^ kMost : bits;
}

float score_of(std::int64_t key) {
  const std::int32_t bits = static_cast<std::int32_t>(key < 0 ? key ^ kMost : key);
  float score;
  std::memcpy(&score, &bits, sizeof score);
  return score;
}

// Where fewer than `count` scores are numbers: all of those, and the first of the others.
std::int64_t choose_with_nans(const float* scores, std::int64_t n, std::int64_t nans, const std::int64_t* rows,
                              std::int64_t first, std::int64_t* out) {
  std::int64_t to = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (scores[i] == scores[i] || nans-- > 0) out[to++] = rows ? rows[i] : first + i;
  }
  return to;
}

}  // namespace

// Halves the scores between the least and the greatest until `count` of them lie above, or neighbours are left: then
// those equal to the lower one share what the higher ones leave.
std::int64_t choose(const Kernels& kernels, const float* scores, std::int64_t n, std::int64_t count,
                    const std::int64_t* rows, std::int64_t first, std::int64_t* out) {
  if (count >= n) {
    for (std::int64_t i = 0; i < n && rows != out; ++i) out[i] = rows ? rows[i] : first + i;
    return n;
  }
  if (count <= 0) return 0;
  float least, most;
  const std::int64_t numbers = kernels.extent(scores, n, &least, &most);
  if (numbers < count) return choose_with_nans(scores, n, count - numbers, rows, first, out);
  std::int64_t low = key_of(least), high = key_of(most) + 1, above = 0;  // `low` has enough at or above it, `high` not
  std::int64_t found = numbers;
  while (found != count && high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    const std::int64_t here = kernels.at_least(scores, n, score_of(middle));
    if (here >= count) {
      low = middle, found = here;
    } else {
      high = middle, above = here;
    }
  }
  const float edge = score_of(low);
  if (found == count) return kernels.gather(scores, 0, n, edge, rows, first, out);
  std::int64_t stop = 0;  // behind the last of the equal ones that are taken
  for (std::int64_t equals = count - above; equals > 0; ++stop) equals -= scores[stop] == edge;
  const std::int64_t to = kernels.gather(scores, 0, stop, edge, rows, first, out);
  return to + kernels.gather(scores, stop, n, score_of(high), rows, first, out + to);
}

}  // namespace tailrank
