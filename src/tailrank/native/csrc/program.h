// A compiled program: operations over tiles of items, each on columns of scratch buffers. See ../program.py.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.h"

namespace tailrank {

enum class Precision { fp32, bf16, int8 };

// The caller's mistake; becomes tailrank.core.BadInputError.
struct BadInput : std::runtime_error {
  BadInput(const std::string& message, std::string hint_) : std::runtime_error(message), hint(std::move(hint_)) {}
  std::string hint;
};

struct View {
  int buffer;
  std::int64_t column, width;
};

// Memory aligned to cache lines, or to huge pages where it is large and the system has them.
class Memory {
 public:
  explicit Memory(std::size_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  char* data() const { return data_; }
  float* floats() const { return reinterpret_cast<float*>(data_); }

 private:
  char* data_ = nullptr;
  std::size_t mapped_ = 0;
};

struct InputKind {
  bool dense;
  std::int64_t width;
};

// One input of a call: rows of `width` values, contiguous.
struct InputData {
  const char* data;
  bool wide;  // int64 ids

  std::int64_t bytes(const InputKind& kind) const { return kind.width * (wide ? 8 : 4); }
};

constexpr std::size_t MOST_INPUTS = 16;

class Program;

// What an operation sees: the tile's items of the inputs and of the buffers.
struct Tile {
  const Program* program;
  const InputData* inputs;  // at the tile's first item
  float* scratch;
  std::int64_t items;
  std::int64_t first;  // item of the call
  std::int64_t more;   // items of the call behind this tile's, in the same memory
  bool gathered;       // the tile's inputs are copies: no tile came before it
  float* out;

  ConstMatrix in(const View& view) const;
  Matrix to(const View& view) const;
  Ids ids(int input, std::int64_t first_column) const;
  float* op_scratch() const;
  std::uint32_t* pairs() const;
};

class Program {
 public:
  Program(std::vector<InputKind> inputs, std::vector<std::int64_t> buffers, Precision precision,
          const Kernels& kernels);

  int add_table(const float* rows, std::int64_t count, std::int64_t dim, std::shared_ptr<void> owner);
  void dense(int input, View out);
  void bag(int input, std::int64_t first, std::int64_t groups, std::int64_t pooling, int table, View out);
  void fc(View in, const float* weight, const float* bias, std::int64_t inputs, std::int64_t outputs, View out,
          After after, std::int64_t repeat, bool accumulate);
  void combine(View left, View right, View out, bool multiply, After after);
  void mean(View in, View out);
  void click(View in, View out);
  void dot_pairs(View in, std::int64_t dim, View out);
  void attention(View steps, View ad, const float* history, const float* product, const float* ad_weight,
                 const float* bias, const float* out_weight, float out_bias, float slope, std::int64_t units, View out);
  void units(View users, View ad, const float* first, const float* first_bias, const float* second,
             const float* second_bias, std::int64_t units, View out);
  void gru(View in, std::int64_t dim, const float* input, const float* bias, const float* state, std::int64_t width,
           bool gated, View gate, View out);
  void tanh_rnn(View in, std::int64_t dim, const float* input, const float* bias, const float* state,
                std::int64_t width, View out);
  void step_attention(View states, View query, View out);
  void softmax(View in, std::int64_t width, View out);
  void score(View in);
  void finish(std::int64_t tile);

  // Scores `items` rows of the inputs; safe to call from several threads at once.
  void run(const InputData* inputs, std::int64_t items, float* out) const;
  // The same for the given rows, gathered.
  void run_rows(const InputData* inputs, std::int64_t rows, const std::int64_t* which, std::int64_t count,
                float* out) const;

  const std::vector<InputKind>& inputs() const { return inputs_; }
  const Kernels& kernels() const { return kernels_; }
  std::int64_t tile() const { return tile_; }
  std::int64_t weight_bytes() const { return weight_bytes_; }
  std::int64_t own_table_bytes() const { return own_table_bytes_; }
  std::int64_t ahead = 0;  // rows to prefetch ahead; 0: by the size of a row

 private:
  friend struct Tile;
  struct Buffer {
    std::int64_t width, stride, offset;  // offset and stride in floats, offset per tile
    int external;                        // the dense input it is, or -1
    int writers;
  };
  struct Check {
    int input;
    std::int64_t first, count, rows;
  };
  using Run = std::function<void(const Tile&)>;

  const float* keep(const float* from, std::int64_t count, std::int64_t padded);
  Packed packed(const float* weight, const float* bias, std::int64_t inputs, std::int64_t outputs, bool reduced);
  Recurrence recurrence(View in, std::int64_t dim, const float* input, const float* bias, const float* state,
                        std::int64_t width, std::int64_t outputs);
  void wrote(const View& view);
  void run_tile(const Tile& tile) const;
  std::unique_ptr<Memory> borrow() const;
  void give(std::unique_ptr<Memory> memory) const;

  std::vector<InputKind> inputs_;
  std::vector<Buffer> buffers_;
  Precision precision_;
  const Kernels& kernels_;
  std::vector<Table> tables_;
  std::vector<std::shared_ptr<void>> owners_;
  std::vector<std::unique_ptr<Memory>> weights_;
  std::vector<Check> checks_;
  std::vector<Run> ops_;
  std::vector<std::function<std::size_t(std::int64_t)>> op_scratch_;
  std::int64_t pair_places_ = 0;  // per item
  std::int64_t tile_ = 0, weight_bytes_ = 0, own_table_bytes_ = 0;
  std::size_t op_scratch_offset_ = 0, pairs_offset_ = 0, gather_offset_ = 0, workspace_bytes_ = 0;
  mutable std::mutex free_lock_;
  mutable std::vector<std::unique_ptr<Memory>> free_;
};

// The fastest kernels this processor runs, or those that TAILRANK_NATIVE names. Throws BadInput.
const Kernels& chosen_kernels();
std::vector<const Kernels*> runnable_kernels();

}  // namespace tailrank
