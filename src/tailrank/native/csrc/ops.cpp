// Each operation of a program as a closure over its weights.
#include <algorithm>
#include <cmath>

#include "program.h"

namespace tailrank {

namespace {
constexpr std::int64_t AHEAD_BYTES = 12 << 10;  // of rows asked for ahead: a quarter of a first-level cache
}

void Program::dense(int input, View out) {
  Buffer& buffer = buffers_.at(static_cast<std::size_t>(out.buffer));
  wrote(out);
  if (out.column == 0 && out.width == buffer.width) buffer.external = input;
  ops_.push_back([=](const Tile& tile) {
    if (tile.program->buffers_[static_cast<std::size_t>(out.buffer)].external >= 0) return;  // readers read the input
    const float* from = reinterpret_cast<const float*>(tile.inputs[input].data);
    const Matrix to = tile.to(out);
    for (std::int64_t i = 0; i < tile.items; ++i) {
      std::copy_n(from + i * out.width, out.width, to.data + i * to.stride);
    }
  });
}

void Program::bag(int input, std::int64_t first, std::int64_t groups, std::int64_t pooling, int table, View out) {
  wrote(out);
  const Table& rows = tables_.at(static_cast<std::size_t>(table));
  checks_.push_back({input, first, groups * pooling, rows.count});
  const std::int64_t distance =
      ahead > 0 ? ahead : std::clamp<std::int64_t>(AHEAD_BYTES / rows.stride_bytes, 16, 192);
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.bag(tile.program->tables_[static_cast<std::size_t>(table)], tile.ids(input, first),
                               tile.items, groups, pooling, distance, tile.to(out));
  });
}

void Program::fc(View in, const float* weight, const float* bias, std::int64_t inputs, std::int64_t outputs, View out,
                 After after, std::int64_t repeat, bool accumulate) {
  wrote(out);
  const Packed layer = packed(weight, bias, inputs, outputs, true);
  ops_.push_back([=](const Tile& tile) {
    const ConstMatrix from = tile.in(in);
    const Matrix to = tile.to(out);
    for (std::int64_t n = 0; n < repeat; ++n) {
      tile.program->kernels_.fc(layer, {from.data + n * inputs, from.stride}, tile.items,
                                {to.data + n * outputs, to.stride}, after, accumulate, tile.pairs());
    }
  });
}

void Program::combine(View left, View right, View out, bool multiply, After after) {
  wrote(out);
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.combine(tile.in(left), tile.in(right), tile.items, out.width, multiply, after,
                                   tile.to(out));
  });
}

void Program::mean(View in, View out) {
  wrote(out);
  ops_.push_back([=](const Tile& tile) {
    const ConstMatrix from = tile.in(in);
    const Matrix to = tile.to(out);
    for (std::int64_t i = 0; i < tile.items; ++i) {
      float total = 0.0f;
      for (std::int64_t c = 0; c < in.width; ++c) total += from.data[i * from.stride + c];
      to.data[i * to.stride] = total / static_cast<float>(in.width);
    }
  });
}

void Program::click(View in, View out) {
  wrote(out);
  ops_.push_back([=](const Tile& tile) {
    const ConstMatrix from = tile.in(in);
    const Matrix to = tile.to(out);
    for (std::int64_t i = 0; i < tile.items; ++i) {
      const float* x = from.data + i * from.stride;
      to.data[i * to.stride] = 1.0f / (1.0f + std::exp(x[0] - x[1]));
    }
  });
}

void Program::dot_pairs(View in, std::int64_t dim, View out) {
  wrote(out);
  const std::int64_t vectors = in.width / dim;
  op_scratch_.push_back([=](std::int64_t) { return kernels_.dot_scratch_floats(vectors, dim); });
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.dot_pairs(tile.in(in), tile.items, vectors, dim, tile.op_scratch(), tile.to(out));
  });
}

void Program::attention(View steps, View ad, const float* history, const float* product, const float* ad_weight,
                        const float* bias, const float* out_weight, float out_bias, float slope, std::int64_t units,
                        View out) {
  wrote(out);
  const std::int64_t dim = ad.width, padded = (units + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
  const auto turned = [&](const float* weight) {  // (D, U) to (U, D)
    std::vector<float> other(static_cast<std::size_t>(dim * units));
    for (std::int64_t d = 0; d < dim; ++d) {
      for (std::int64_t u = 0; u < units; ++u) other[static_cast<std::size_t>(u * dim + d)] = weight[d * units + u];
    }
    return packed(other.data(), nullptr, dim, units, false);
  };
  AttentionUnit unit{};
  unit.history = turned(history);
  unit.product = static_cast<const float*>(turned(product).panels);
  unit.ad = packed(ad_weight, bias, dim, units, false);
  unit.out = keep(out_weight, units, padded);
  unit.out_bias = out_bias;
  unit.slope = slope;
  unit.steps = steps.width / dim;
  unit.dim = dim;
  unit.units = units;
  op_scratch_.push_back([=](std::int64_t) { return kernels_.attention_scratch_floats(unit); });
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.attention(unit, tile.in(steps), tile.in(ad), tile.items, tile.op_scratch(), tile.to(out));
  });
}

void Program::units(View users, View ad, const float* first, const float* first_bias, const float* second,
                    const float* second_bias, std::int64_t units, View out) {
  wrote(out);
  const std::int64_t dim = ad.width;
  const float *a = keep(first, units * 3 * dim, units * 3 * dim), *b = keep(first_bias, units, units),
              *c = keep(second, units * dim, units * dim), *d = keep(second_bias, units * dim, units * dim);
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.units(tile.in(users), tile.in(ad), tile.items, units, dim, a, b, c, d, tile.to(out));
  });
}

Recurrence Program::recurrence(View in, std::int64_t dim, const float* input, const float* bias, const float* state,
                               std::int64_t width, std::int64_t outputs) {
  Recurrence net{};
  net.input = packed(input, bias, dim, outputs, false);
  net.state = packed(state, nullptr, width, outputs, false);
  net.steps = in.width / dim;
  net.dim = dim;
  net.width = width;
  op_scratch_.push_back([=](std::int64_t items) { return kernels_.recurrent_scratch_floats(net, items); });
  return net;
}

void Program::gru(View in, std::int64_t dim, const float* input, const float* bias, const float* state,
                  std::int64_t width, bool gated, View gate, View out) {
  wrote(out);
  const Recurrence net = recurrence(in, dim, input, bias, state, width, 3 * width);
  const bool last = out.width == width;
  ops_.push_back([=](const Tile& tile) {
    const ConstMatrix gates = gated ? tile.in(gate) : ConstMatrix{nullptr, 0};
    tile.program->kernels_.gru(net, tile.in(in), gates, tile.items, last, tile.op_scratch(), tile.to(out));
  });
}

void Program::tanh_rnn(View in, std::int64_t dim, const float* input, const float* bias, const float* state,
                       std::int64_t width, View out) {
  wrote(out);
  const Recurrence net = recurrence(in, dim, input, bias, state, width, width);
  const bool last = out.width == width;
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.tanh_rnn(net, tile.in(in), tile.items, last, tile.op_scratch(), tile.to(out));
  });
}

void Program::step_attention(View states, View query, View out) {
  wrote(out);
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.step_attention(tile.in(states), tile.in(query), tile.items, out.width, query.width,
                                          tile.to(out));
  });
}

void Program::softmax(View in, std::int64_t width, View out) {
  wrote(out);
  ops_.push_back([=](const Tile& tile) {
    tile.program->kernels_.softmax(tile.in(in), tile.items, in.width / width, width, tile.to(out));
  });
}

void Program::score(View in) {
  ops_.push_back([=](const Tile& tile) {
    const ConstMatrix from = tile.in(in);
    for (std::int64_t i = 0; i < tile.items; ++i) tile.out[i] = from.data[i * from.stride];
  });
}

}  // namespace tailrank
