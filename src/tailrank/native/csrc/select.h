// The best of a query's scores, chosen by the worker that finished its stage: what scheduler.chosen does, in C++.
#pragma once
#include <cstdint>

#include "kernels.h"

namespace tailrank {

// Writes what `rows` (null: first, first + 1, ...) has at the positions of the `count` highest of `n` scores to `out`, in
// ascending order of position; equal scores go to the earlier position, and a NaN is lower than any score. All of them
// where `count` is more. `out` may be `rows`. Linear in `n`, whatever the scores: at most 32 looks at all of them.
// Returns how many were written. `n` is less than 2^31.
std::int64_t choose(const Kernels& kernels, const float* scores, std::int64_t n, std::int64_t count,
                    const std::int64_t* rows, std::int64_t first, std::int64_t* out);

}  // namespace tailrank
