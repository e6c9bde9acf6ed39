// The kernels for any processor: vectors of four, as the compiler makes them.
#include <cstdint>
#include <cstring>
#include <utility>

#include "bf16.h"
#include "kernels.h"

#define TAILRANK_PATH 0
#define TAILRANK_NS tailrank_portable
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // in the own headers of GCC 12
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
namespace {
#pragma GCC diagnostic ignored "-Wunused-function"
#include "vec.h"
#include "kernels.inc"
}  // namespace

namespace tailrank {
const Kernels portable_kernels = TAILRANK_TABLE("portable");
}  // namespace tailrank
