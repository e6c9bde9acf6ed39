// Which kernels this processor runs, and which of them to use.
#include <cstdlib>

#include "program.h"

namespace tailrank {

std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) found.push_back(&avx512_bf16_kernels);
  if (avx512) found.push_back(&avx512_kernels);
  if (avx2) found.push_back(&avx2_kernels);
#endif
  found.push_back(&portable_kernels);
  return found;
}

const Kernels& chosen_kernels() {
  const std::vector<const Kernels*> found = runnable_kernels();
  const char* asked = std::getenv("TAILRANK_NATIVE");
  if (asked == nullptr || *asked == '\0' || std::string(asked) == "auto") return *found.front();
  std::string known = "auto";
  for (const Kernels* kernels : found) {
    if (std::string(asked) == kernels->name) return *kernels;
    known += std::string(", ") + kernels->name;
  }
  throw BadInput("TAILRANK_NATIVE: `" + std::string(asked) + "` is no instruction set of this processor",
                 "set one of: " + known + ", or off");
}

}  // namespace tailrank
