// The kernels for AVX2 with FMA.
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("avx2,fma,f16c")
#define TAILRANK_PATH 1
#define TAILRANK_NS tailrank_avx2
namespace {
#pragma GCC diagnostic ignored "-Wuninitialized"  // in the own headers of GCC 12
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wunused-function"
#include "vec.h"
#include "kernels.inc"
}  // namespace

namespace tailrank {
const Kernels avx2_kernels = TAILRANK_TABLE("avx2");
}  // namespace tailrank
#endif
