// Floats to bf16, to nearest with ties to even, and back. Always inlined and in each translation unit by itself: a copy
// that the linker shares could hold instructions that this processor does not have.
#pragma once
#include <cstdint>
#include <cstring>

namespace tailrank {

static inline __attribute__((always_inline)) std::uint16_t to_bf16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static inline __attribute__((always_inline)) float from_bf16(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

}  // namespace tailrank
