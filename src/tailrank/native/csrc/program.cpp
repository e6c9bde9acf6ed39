#include "program.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "bf16.h"

namespace tailrank {

namespace {

constexpr std::size_t LINE = 64;
constexpr std::size_t HUGE_PAGE = std::size_t{2} << 20;
constexpr std::int64_t LEAST_TILE = 16, MOST_TILE = 128;
constexpr std::int64_t TILE_BYTES = 640 << 10;  // of scratch: most of a second-level cache ...
constexpr std::int64_t ITEM_BYTES = 160 << 10;  // ... or more, so that at most so many bytes of weights pass for an item

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

void quantise(const float* row, std::int64_t dim, std::int8_t* to, std::int64_t stride) {
  float most = 0.0f;
  for (std::int64_t d = 0; d < dim; ++d) most = std::max(most, std::fabs(row[d]));
  const float scale = most / 127.0f;
  for (std::int64_t d = 0; d < dim; ++d) {
    to[d] = static_cast<std::int8_t>(scale > 0.0f ? std::lrintf(row[d] / scale) : 0);
  }
  std::memcpy(to + stride - 4, &scale, sizeof scale);
}

}  // namespace

Memory::Memory(std::size_t bytes) {
#if defined(__linux__)
  if (bytes >= HUGE_PAGE) {
    mapped_ = rounded(bytes, HUGE_PAGE);
    void* got = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) throw std::bad_alloc();
    madvise(got, mapped_, MADV_HUGEPAGE);
    data_ = static_cast<char*>(got);
    return;
  }
#endif
  const std::size_t size = rounded(std::max<std::size_t>(bytes, LINE), LINE);
  data_ = static_cast<char*>(std::aligned_alloc(LINE, size));
  if (data_ == nullptr) throw std::bad_alloc();
  std::memset(data_, 0, size);
}

Memory::~Memory() {
#if defined(__linux__)
  if (mapped_ != 0) {
    munmap(data_, mapped_);
    return;
  }
#endif
  std::free(data_);
}

ConstMatrix Tile::in(const View& view) const {
  const Program::Buffer& buffer = program->buffers_[static_cast<std::size_t>(view.buffer)];
  if (buffer.external >= 0) {
    const float* data = reinterpret_cast<const float*>(inputs[buffer.external].data);
    return {data + view.column, buffer.width};
  }
  return {scratch + buffer.offset + view.column, buffer.stride};
}

Matrix Tile::to(const View& view) const {
  const Program::Buffer& buffer = program->buffers_[static_cast<std::size_t>(view.buffer)];
  return {scratch + buffer.offset + view.column, buffer.stride};
}

Ids Tile::ids(int input, std::int64_t first_column) const {
  const InputData& data = inputs[input];
  const std::int64_t width = program->inputs_[static_cast<std::size_t>(input)].width;
  return {data.data + first_column * (data.wide ? 8 : 4), width, data.wide, more, first == 0 || gathered};
}

float* Tile::op_scratch() const { return scratch + program->op_scratch_offset_ / sizeof(float); }

std::uint32_t* Tile::pairs() const {
  return reinterpret_cast<std::uint32_t*>(scratch) + program->pairs_offset_ / sizeof(std::uint32_t);
}

Program::Program(std::vector<InputKind> inputs, std::vector<std::int64_t> buffers, Precision precision,
                 const Kernels& kernels)
    : inputs_(std::move(inputs)), precision_(precision), kernels_(kernels) {
  for (const std::int64_t width : buffers) buffers_.push_back({width, 0, 0, -1, 0});
}

void Program::wrote(const View& view) { ++buffers_.at(static_cast<std::size_t>(view.buffer)).writers; }

const float* Program::keep(const float* from, std::int64_t count, std::int64_t padded) {
  weights_.push_back(std::make_unique<Memory>(static_cast<std::size_t>(padded) * sizeof(float)));
  float* to = weights_.back()->floats();
  for (std::int64_t n = 0; n < padded; ++n) to[n] = from != nullptr && n < count ? from[n] : 0.0f;
  weight_bytes_ += padded * 4;
  return to;
}

Packed Program::packed(const float* weight, const float* bias, std::int64_t inputs, std::int64_t outputs,
                       bool reduced) {
  const bool bf16 = reduced && precision_ != Precision::fp32;
  const bool pairs = bf16 && kernels_.dots_pairs;
  std::vector<float> halved;
  if (bf16 && !pairs) {  // no instruction for it: the weights of bf16, in the arithmetic of fp32
    halved.assign(weight, weight + inputs * outputs);
    for (float& x : halved) x = from_bf16(to_bf16(x));
    weight = halved.data();
  }
  const std::size_t bytes = kernels_.packed_bytes(inputs, outputs, pairs);
  weights_.push_back(std::make_unique<Memory>(bytes));
  void* panels = weights_.back()->data();
  kernels_.pack(weight, inputs, outputs, pairs, panels);
  weight_bytes_ += static_cast<std::int64_t>(bytes);
  const std::int64_t padded = (outputs + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
  if (pairs) pair_places_ = std::max(pair_places_, (inputs + 1) / 2);
  return {panels, keep(bias, outputs, padded), inputs, outputs, pairs};
}

int Program::add_table(const float* rows, std::int64_t count, std::int64_t dim, std::shared_ptr<void> owner) {
  if (precision_ == Precision::fp32) {
    tables_.push_back({rows, count, dim, dim * 4, Rows::fp32});
    owners_.push_back(std::move(owner));
    return static_cast<int>(tables_.size()) - 1;
  }
  const bool int8 = precision_ == Precision::int8;
  const std::int64_t stride = int8 ? static_cast<std::int64_t>(rounded(static_cast<std::size_t>(dim), 4)) + 4 : dim * 2;
  const std::size_t bytes = static_cast<std::size_t>(count * stride);
  weights_.push_back(std::make_unique<Memory>(bytes + LINE));  // a vector load may read past the last row's end
  char* to = weights_.back()->data();
  for (std::int64_t row = 0; row < count; ++row) {
    if (int8) {
      quantise(rows + row * dim, dim, reinterpret_cast<std::int8_t*>(to + row * stride), stride);
    } else {
      std::uint16_t* halves = reinterpret_cast<std::uint16_t*>(to + row * stride);
      for (std::int64_t d = 0; d < dim; ++d) halves[d] = to_bf16(rows[row * dim + d]);
    }
  }
  own_table_bytes_ += static_cast<std::int64_t>(bytes);
  tables_.push_back({to, count, dim, stride, int8 ? Rows::int8 : Rows::bf16});
  return static_cast<int>(tables_.size()) - 1;
}

void Program::finish(std::int64_t tile) {
  std::int64_t per_item = 0;
  for (Buffer& buffer : buffers_) {
    if (buffer.writers > 1) buffer.external = -1;  // an input cannot be written to: copy it after all
    buffer.stride = static_cast<std::int64_t>(rounded(static_cast<std::size_t>(buffer.width), 16));
    if (buffer.stride % 512 == 0) buffer.stride += 16;  // rows a page apart fight for the same cache sets
    if (buffer.external < 0) per_item += buffer.stride;
  }
  const std::int64_t fits = TILE_BYTES / std::max<std::int64_t>(4 * per_item, 1), worth = weight_bytes_ / ITEM_BYTES;
  tile_ = tile > 0 ? tile : std::clamp((std::max(fits, worth) + 15) / 16 * 16, LEAST_TILE, MOST_TILE);
  std::int64_t at = 0;
  for (Buffer& buffer : buffers_) {
    buffer.offset = at;
    if (buffer.external < 0) at += buffer.stride * tile_;
  }
  std::size_t most = 0;
  for (const auto& floats : op_scratch_) most = std::max(most, floats(tile_));
  op_scratch_offset_ = static_cast<std::size_t>(at) * 4;
  pairs_offset_ = op_scratch_offset_ + rounded(most * 4, LINE);
  gather_offset_ = pairs_offset_ + rounded(static_cast<std::size_t>(pair_places_ * tile_) * 4, LINE);
  std::size_t gathered = 0;
  for (const InputKind& input : inputs_) gathered += rounded(static_cast<std::size_t>(input.width * 8 * tile_), LINE);
  workspace_bytes_ = gather_offset_ + gathered + LINE;
}

std::unique_ptr<Memory> Program::borrow() const {
  {
    const std::lock_guard<std::mutex> hold(free_lock_);
    if (!free_.empty()) {
      std::unique_ptr<Memory> got = std::move(free_.back());
      free_.pop_back();
      return got;
    }
  }
  return std::make_unique<Memory>(workspace_bytes_);
}

void Program::give(std::unique_ptr<Memory> memory) const {
  const std::lock_guard<std::mutex> hold(free_lock_);
  free_.push_back(std::move(memory));
}

void Program::run_tile(const Tile& tile) const {
  for (const Check& check : checks_) {
    const Ids ids = tile.ids(check.input, check.first);
    const std::int64_t bad = kernels_.check_ids(ids, tile.items, check.count, check.rows);
    if (bad < 0) continue;
    const std::int64_t item = bad / check.count, column = bad % check.count;
    const std::int64_t id = ids.wide ? static_cast<const std::int64_t*>(ids.ids)[item * ids.stride + column]
                                     : static_cast<const std::int32_t*>(ids.ids)[item * ids.stride + column];
    throw BadInput("input " + std::to_string(check.input) + ", item " + std::to_string(tile.first + item) +
                       ", column " + std::to_string(check.first + column) + ": id " + std::to_string(id) +
                       " is no row of a table of " + std::to_string(check.rows) + " rows",
                   "ids run from 0 to rows - 1 of the merged table; add each table's offset");
  }
  for (const Run& run : ops_) run(tile);
}

void Program::run(const InputData* inputs, std::int64_t items, float* out) const {
  std::unique_ptr<Memory> workspace = borrow();
  InputData at[MOST_INPUTS];
  std::copy_n(inputs, inputs_.size(), at);
  const std::int64_t pieces = (items + tile_ - 1) / tile_;
  try {
    std::int64_t from = 0;
    for (std::int64_t piece = 0; piece < pieces; ++piece) {  // even pieces: 130 items are 65 and 65, not 128 and 2
      const std::int64_t to = items * (piece + 1) / pieces;
      for (std::size_t n = 0; n < inputs_.size(); ++n) at[n].data = inputs[n].data + from * inputs[n].bytes(inputs_[n]);
      run_tile({this, at, workspace->floats(), to - from, from, items - to, false, out + from});
      from = to;
    }
  } catch (...) {
    give(std::move(workspace));
    throw;
  }
  give(std::move(workspace));
}

void Program::run_rows(const InputData* inputs, std::int64_t rows, const std::int64_t* which, std::int64_t count,
                       float* out) const {
  for (std::int64_t n = 0; n < count; ++n) {
    if (which[n] < 0 || which[n] >= rows) {
      throw BadInput("row " + std::to_string(which[n]) + " is not prepared",
                     "rows run from 0 to " + std::to_string(rows - 1));
    }
  }
  std::unique_ptr<Memory> workspace = borrow();
  InputData at[MOST_INPUTS];
  std::copy_n(inputs, inputs_.size(), at);
  try {
    for (std::int64_t from = 0; from < count; from += tile_) {
      const std::int64_t items = std::min(tile_, count - from);
      char* to = workspace->data() + gather_offset_;
      for (std::size_t n = 0; n < inputs_.size(); ++n) {
        const std::size_t bytes = static_cast<std::size_t>(inputs[n].bytes(inputs_[n]));
        for (std::int64_t i = 0; i < items; ++i) {
          std::memcpy(to + static_cast<std::size_t>(i) * bytes,
                      inputs[n].data + static_cast<std::size_t>(which[from + i]) * bytes, bytes);
        }
        at[n].data = to;
        to += rounded(bytes * static_cast<std::size_t>(tile_), LINE);
      }
      run_tile({this, at, workspace->floats(), items, from, 0, true, out + from});
    }
  } catch (...) {
    give(std::move(workspace));
    throw;
  }
  give(std::move(workspace));
}

}  // namespace tailrank
