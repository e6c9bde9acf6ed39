// The kernels for AVX-512 with BF16.
#include <cstdint>
#include <cstring>
#include <utility>

#include "bf16.h"
#include "kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")
#pragma GCC diagnostic ignored "-Wuninitialized"  // in the own headers of GCC 12
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define TAILRANK_PATH 3
#define TAILRANK_NS tailrank_avx512_bf16
namespace {
#pragma GCC diagnostic ignored "-Wunused-function"
#include "vec.h"
#include "kernels.inc"
}  // namespace
#if defined(__clang__)
#pragma clang attribute pop
#endif

namespace tailrank {
const Kernels avx512_bf16_kernels = TAILRANK_TABLE("avx512_bf16");
}  // namespace tailrank
#endif
