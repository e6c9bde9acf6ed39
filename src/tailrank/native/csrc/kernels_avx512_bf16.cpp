// The kernels for AVX-512 with BF16.
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")
#define TAILRANK_PATH 3
#define TAILRANK_NS tailrank_avx512_bf16
namespace {
#pragma GCC diagnostic ignored "-Wuninitialized"  // in the own headers of GCC 12
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wunused-function"
#include "vec.h"
#include "kernels.inc"
}  // namespace

namespace tailrank {
const Kernels avx512_bf16_kernels = TAILRANK_TABLE("avx512_bf16");
}  // namespace tailrank
#endif
