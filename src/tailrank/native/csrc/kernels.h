// The kernels of one instruction set as a table of functions. Everything is row-major, one row per item.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tailrank {

enum class After : int { none, relu, sigmoid, tanh };
enum class Rows : int { fp32, bf16, int8 };

// A fully connected layer, packed by `pack`: panels of two vectors of outputs (the last may have one), inputs by
// inputs; with `pairs`, two neighbouring inputs in bf16 take one place. `bias` is padded to whole vectors.
struct Packed {
  const void* panels;
  const float* bias;
  std::int64_t inputs;
  std::int64_t outputs;
  bool pairs;
};

// Rows of an embedding table. int8 rows end in their scale, a float.
struct Table {
  const void* rows;
  std::int64_t count;
  std::int64_t dim;
  std::int64_t stride_bytes;
  Rows kind;
};

// Ids of a tile of items: item i's begin at ids + i * stride elements. `more` items of the same call lie behind them:
// their ids may be read, but have not been checked. `begins`: no tile of the call came before.
struct Ids {
  const void* ids;
  std::int64_t stride;
  bool wide;  // int64, else int32
  std::int64_t more;
  bool begins;
};

struct Matrix {
  float* data;
  std::int64_t stride;
};

struct ConstMatrix {
  const float* data;
  std::int64_t stride;
};

// Weights of a recurrence: a step's input and state products, u, r, c side by side for a GRU.
struct Recurrence {
  Packed input;
  Packed state;
  std::int64_t steps, dim, width;
};

struct AttentionUnit {
  const float* history;  // (D, U)
  const float* product;  // (D, U)
  Packed ad;             // D -> U with bias
  const float* out;      // (U)
  float out_bias, slope;
  std::int64_t steps, dim, units;
};

struct Kernels {
  const char* name;
  std::int64_t lanes;
  bool dots_pairs;  // fully connected layers in bf16 have an instruction of their own

  std::size_t (*packed_bytes)(std::int64_t inputs, std::int64_t outputs, bool pairs);
  void (*pack)(const float* weight, std::int64_t inputs, std::int64_t outputs, bool pairs, void* panels);
  // `pairs` is scratch of items * (inputs + 1) / 2 places where the layer has pairs.
  void (*fc)(const Packed& layer, ConstMatrix in, std::int64_t items, Matrix out, After after, bool accumulate,
             std::uint32_t* pairs);
  // Pools `pooling` rows for each of `groups` groups of each item. The ids must have been checked.
  void (*bag)(const Table& table, Ids ids, std::int64_t items, std::int64_t groups, std::int64_t pooling,
              std::int64_t ahead, Matrix out);
  // Returns the place (item * count + number) of the first id that is no row, or -1.
  std::int64_t (*check_ids)(Ids ids, std::int64_t items, std::int64_t count, std::int64_t rows);
  void (*combine)(ConstMatrix left, ConstMatrix right, std::int64_t items, std::int64_t width, bool multiply,
                  After after, Matrix out);
  void (*dot_pairs)(ConstMatrix in, std::int64_t items, std::int64_t vectors, std::int64_t dim, float* scratch,
                    Matrix out);
  std::size_t (*dot_scratch_floats)(std::int64_t vectors, std::int64_t dim);
  void (*attention)(const AttentionUnit& unit, ConstMatrix steps, ConstMatrix ad, std::int64_t items, float* scratch,
                    Matrix out);
  std::size_t (*attention_scratch_floats)(const AttentionUnit& unit);
  void (*units)(ConstMatrix users, ConstMatrix ad, std::int64_t items, std::int64_t units, std::int64_t dim,
                const float* first, const float* first_bias, const float* second, const float* second_bias,
                Matrix out);
  // `gate`: one value per step, or null data. All states, or the last where `last`.
  void (*gru)(const Recurrence& net, ConstMatrix in, ConstMatrix gate, std::int64_t items, bool last, float* scratch,
              Matrix out);
  void (*tanh_rnn)(const Recurrence& net, ConstMatrix in, std::int64_t items, bool last, float* scratch, Matrix out);
  std::size_t (*recurrent_scratch_floats)(const Recurrence& net, std::int64_t items);
  void (*softmax)(ConstMatrix in, std::int64_t items, std::int64_t runs, std::int64_t width, Matrix out);
  void (*step_attention)(ConstMatrix states, ConstMatrix query, std::int64_t items, std::int64_t steps,
                         std::int64_t width, Matrix out);
  std::int64_t (*at_least)(const float* scores, std::int64_t n, float pivot);
  std::int64_t (*extent)(const float* scores, std::int64_t n, float* least, float* most);
  std::int64_t (*gather)(const float* scores, std::int64_t begin, std::int64_t end, float pivot,
                         const std::int64_t* rows, std::int64_t first, std::int64_t* out);
  float (*probe_rows)(const float* rows, std::int64_t dim, const std::int32_t* ids, std::int64_t count,
                      std::int64_t distance);
  double (*probe_fma)(std::int64_t rounds, bool pairs);  // returns FLOPs done
};

extern const Kernels portable_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
extern const Kernels avx512_bf16_kernels;
#endif

}  // namespace tailrank
