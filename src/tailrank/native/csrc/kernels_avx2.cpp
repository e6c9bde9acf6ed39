// The kernels for AVX2 with FMA.
#include <cstdint>
#include <cstring>
#include <utility>

#include "bf16.h"
#include "kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#pragma GCC diagnostic ignored "-Wuninitialized"  // in the own headers of GCC 12
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define TAILRANK_PATH 1
#define TAILRANK_NS tailrank_avx2
namespace {
#pragma GCC diagnostic ignored "-Wunused-function"
#include "vec.h"
#include "kernels.inc"
}  // namespace
#if defined(__clang__)
#pragma clang attribute pop
#endif

namespace tailrank {
const Kernels avx2_kernels = TAILRANK_TABLE("avx2");
}  // namespace tailrank
#endif
