// One vector of floats in the instruction set of this translation unit, and the few operations the kernels need.
// TAILRANK_PATH: 0 portable (compiler vectors of four), 1 AVX2 + FMA, 2 AVX-512, 3 AVX-512 with BF16.
#pragma once
#include <cstdint>
#include <cstring>
#if TAILRANK_PATH > 0
#include <immintrin.h>
#endif

namespace TAILRANK_NS {

#define INLINE inline __attribute__((always_inline))

#if TAILRANK_PATH >= 2

using vec = __m512;
constexpr int LANES = 16;
INLINE vec zero() { return _mm512_setzero_ps(); }
INLINE vec all(float x) { return _mm512_set1_ps(x); }
INLINE vec load(const float* p) { return _mm512_loadu_ps(p); }
INLINE void store(float* p, vec v) { _mm512_storeu_ps(p, v); }
INLINE __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1); }
INLINE vec load_some(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
INLINE void store_some(float* p, vec v, int n) { _mm512_mask_storeu_ps(p, first(n), v); }
INLINE vec fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec add(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
INLINE vec mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec div(vec a, vec b) { return _mm512_div_ps(a, b); }
INLINE vec larger(vec a, vec b) { return _mm512_max_ps(a, b); }
INLINE vec smaller(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE float sum(vec v) { return _mm512_reduce_add_ps(v); }
INLINE float largest(vec v) { return _mm512_reduce_max_ps(v); }
INLINE vec nearest(vec v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vec times_power_of_two(vec v, vec n) { return _mm512_scalef_ps(v, n); }
INLINE vec load_bf16(const std::uint16_t* p) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
}
INLINE vec load_int8(const std::int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

#elif TAILRANK_PATH == 1

using vec = __m256;
constexpr int LANES = 8;
INLINE vec zero() { return _mm256_setzero_ps(); }
INLINE vec all(float x) { return _mm256_set1_ps(x); }
INLINE vec load(const float* p) { return _mm256_loadu_ps(p); }
INLINE void store(float* p, vec v) { _mm256_storeu_ps(p, v); }
INLINE __m256i first(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vec load_some(const float* p, int n) { return _mm256_maskload_ps(p, first(n)); }
INLINE void store_some(float* p, vec v, int n) { _mm256_maskstore_ps(p, first(n), v); }
INLINE vec fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vec add(vec a, vec b) { return _mm256_add_ps(a, b); }
INLINE vec sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
INLINE vec mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
INLINE vec div(vec a, vec b) { return _mm256_div_ps(a, b); }
INLINE vec larger(vec a, vec b) { return _mm256_max_ps(a, b); }
INLINE vec smaller(vec a, vec b) { return _mm256_min_ps(a, b); }
INLINE float sum(vec v) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
INLINE float largest(vec v) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
INLINE vec nearest(vec v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vec times_power_of_two(vec v, vec n) {
  const __m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(v, _mm256_castsi256_ps(e));
}
INLINE vec load_bf16(const std::uint16_t* p) {
  return _mm256_castsi256_ps(
      _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16));
}
INLINE vec load_int8(const std::int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

#else

typedef float vec __attribute__((vector_size(16)));
typedef std::int32_t ivec __attribute__((vector_size(16)));
constexpr int LANES = 4;
INLINE vec zero() { return vec{0, 0, 0, 0}; }
INLINE vec all(float x) { return vec{x, x, x, x}; }
INLINE vec load(const float* p) {
  vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }
INLINE vec load_some(const float* p, int n) {
  vec v = zero();
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
INLINE void store_some(float* p, vec v, int n) {
  for (int i = 0; i < n; ++i) p[i] = v[i];
}
INLINE vec fma(vec a, vec b, vec c) { return a * b + c; }
INLINE vec add(vec a, vec b) { return a + b; }
INLINE vec sub(vec a, vec b) { return a - b; }
INLINE vec mul(vec a, vec b) { return a * b; }
INLINE vec div(vec a, vec b) { return a / b; }
INLINE vec larger(vec a, vec b) { return a > b ? a : b; }
INLINE vec smaller(vec a, vec b) { return a < b ? a : b; }
INLINE float sum(vec v) { return (v[0] + v[1]) + (v[2] + v[3]); }
INLINE float largest(vec v) {
  const float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];
  return a > b ? a : b;
}
INLINE vec nearest(vec v) {  // for |v| < 2^22: adding 1.5 * 2^23 leaves no room for a fraction
  const vec big = all(12582912.0f);
  return (v + big) - big;
}
INLINE vec times_power_of_two(vec v, vec n) {
  ivec e;
  for (int i = 0; i < LANES; ++i) e[i] = (static_cast<std::int32_t>(n[i]) + 127) << 23;
  vec power;
  std::memcpy(&power, &e, sizeof power);
  return v * power;
}
INLINE vec load_bf16(const std::uint16_t* p) {
  ivec bits;
  for (int i = 0; i < LANES; ++i) bits[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(p[i]) << 16);
  vec v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}
INLINE vec load_int8(const std::int8_t* p) {
  vec v;
  for (int i = 0; i < LANES; ++i) v[i] = static_cast<float>(p[i]);
  return v;
}

#endif

// e^x to about one unit in the last place: x = n ln 2 + r, |r| <= ln 2 / 2, and a polynomial in r.
INLINE vec exp(vec x) {
  x = smaller(larger(x, all(-87.0f)), all(88.0f));
  const vec n = nearest(mul(x, all(1.44269504088896341f)));
  vec r = fma(n, all(-0.693145751953125f), x);
  r = fma(n, all(-1.428606765330187045e-6f), r);
  vec p = all(1.0f / 5040);
  p = fma(p, r, all(1.0f / 720));
  p = fma(p, r, all(1.0f / 120));
  p = fma(p, r, all(1.0f / 24));
  p = fma(p, r, all(1.0f / 6));
  p = fma(p, r, all(0.5f));
  p = fma(p, r, all(1.0f));
  p = fma(p, r, all(1.0f));
  return times_power_of_two(p, n);
}

INLINE vec sigmoid(vec x) { return div(all(1.0f), add(all(1.0f), exp(sub(zero(), x)))); }

INLINE vec tanh(vec x) {
  const vec t = exp(mul(x, all(2.0f)));
  return sub(all(1.0f), div(all(2.0f), add(t, all(1.0f))));
}

}  // namespace TAILRANK_NS
