// Programs as Python sees them: built from arrays, called with arrays, bound to prepared candidates as a Scorer.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <time.h>

#include <cmath>
#include <optional>

#include "program.h"
#include "scorer.h"

namespace py = pybind11;

namespace tailrank {

namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Columns = std::tuple<int, std::int64_t, std::int64_t>;

View view_of(const Columns& columns) {
  return {std::get<0>(columns), std::get<1>(columns), std::get<2>(columns)};
}

After after_of(const std::string& name) {
  if (name == "relu") return After::relu;
  if (name == "sigmoid") return After::sigmoid;
  if (name == "tanh") return After::tanh;
  return After::none;
}

Precision precision_of(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "bf16") return Precision::bf16;
  if (name == "int8") return Precision::int8;
  throw BadInput("unknown precision `" + name + "`", "known: fp32, bf16, int8");
}

const Kernels& kernels_of(const std::string& name) {
  if (name.empty()) return chosen_kernels();
  for (const Kernels* kernels : runnable_kernels()) {
    if (name == kernels->name) return *kernels;
  }
  throw BadInput("`" + name + "` is no instruction set of this processor", "see tailrank.native.paths()");
}

struct Call {
  InputData data[MOST_INPUTS];
  std::int64_t items = 0;
};

[[noreturn]] void refuse_type(std::size_t number, const py::array& array, bool dense) {
  throw BadInput("input " + std::to_string(number) + " has type " + std::string(py::str(array.dtype())),
                 dense ? "dense inputs are float32" : "ids are int32 or int64");
}

[[noreturn]] void refuse_shape(std::size_t number, const py::array& array, std::int64_t width) {
  std::string shape = "(";
  for (py::ssize_t d = 0; d < array.ndim(); ++d) shape += (d > 0 ? ", " : "") + std::to_string(array.shape(d));
  throw BadInput("input " + std::to_string(number) + " has shape " + shape + ")",
                 "its shape is (items, " + std::to_string(width) + ")");
}

// Checks what the caller passed: number, type, shape, layout. A call of one item takes a few microseconds in all, so
// nothing is allocated unless something is wrong. The arrays must stay alive.
Call call_of(const Program& program, const py::tuple& inputs) {
  const std::vector<InputKind>& kinds = program.inputs();
  if (inputs.size() != kinds.size()) {
    throw BadInput(std::to_string(inputs.size()) + " inputs given; the network has " + std::to_string(kinds.size()),
                   "pass what model.inputs(n) returns");
  }
  Call call;
  for (std::size_t n = 0; n < kinds.size(); ++n) {
    const py::handle item = PyTuple_GET_ITEM(inputs.ptr(), static_cast<py::ssize_t>(n));
    if (!py::isinstance<py::array>(item)) {
      throw BadInput("input " + std::to_string(n) + " is no NumPy array", "pass NumPy arrays");
    }
    const py::array array = py::reinterpret_borrow<py::array>(item);
    const py::dtype type = array.dtype();
    const char kind = type.kind();
    const auto size = type.itemsize();
    if (kinds[n].dense ? !(kind == 'f' && size == 4) : !(kind == 'i' && (size == 4 || size == 8))) {
      refuse_type(n, array, kinds[n].dense);
    }
    if (array.ndim() != 2 || array.shape(1) != kinds[n].width) refuse_shape(n, array, kinds[n].width);
    if ((array.flags() & py::array::c_style) == 0) {
      throw BadInput("input " + std::to_string(n) + " is not contiguous", "use numpy.ascontiguousarray");
    }
    if (n == 0) {
      call.items = array.shape(0);
    } else if (array.shape(0) != call.items) {
      throw BadInput("input " + std::to_string(n) + " has " + std::to_string(array.shape(0)) +
                         " items, input 0 has " + std::to_string(call.items),
                     "every input has one row per item");
    }
    call.data[n] = {static_cast<const char*>(array.data()), size == 8};
  }
  return call;
}

py::array_t<float> run(const Program& program, const py::tuple& inputs) {
  const Call call = call_of(program, inputs);
  py::array_t<float> out(call.items);
  float* scores = out.mutable_data();
  {
    const py::gil_scoped_release release;
    program.run(call.data, call.items, scores);
  }
  return out;
}

class BoundScorer : public Scorer {
 public:
  BoundScorer(std::shared_ptr<Program> program, const py::tuple& inputs)
      : program_(std::move(program)), inputs_(inputs), call_(call_of(*program_, inputs)) {}
  std::int64_t rows() const override { return call_.items; }
  void score(std::int64_t first, std::int64_t stop, float* out) override {
    if (first < 0 || stop > call_.items || stop < first) {
      throw BadInput("rows " + std::to_string(first) + " to " + std::to_string(stop) + " are not prepared",
                     "rows run from 0 to " + std::to_string(call_.items));
    }
    InputData at[MOST_INPUTS];
    const std::vector<InputKind>& kinds = program_->inputs();
    for (std::size_t n = 0; n < kinds.size(); ++n) {
      at[n] = call_.data[n];
      at[n].data += first * at[n].bytes(kinds[n]);
    }
    program_->run(at, stop - first, out);
  }
  void score_rows(const std::int64_t* rows, std::int64_t count, float* out) override {
    program_->run_rows(call_.data, call_.items, rows, count, out);
  }

 private:
  std::shared_ptr<Program> program_;
  py::tuple inputs_;  // keeps the memory alive
  Call call_;
};

// The arrays' memory must outlive the program: a table in fp32 is used where it lies.
std::shared_ptr<void> owner_of(const py::array& array) {
  return std::shared_ptr<void>(new py::object(array), [](void* held) {
    const py::gil_scoped_acquire hold;
    delete static_cast<py::object*>(held);
  });
}

void expect(bool holds, const char* what) {
  if (!holds) throw py::value_error(what);
}

std::int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

double probe_fma(double seconds, const std::string& precision, const std::string& path) {
  const Kernels& kernels = kernels_of(path);
  const bool pairs = precision != "fp32" && kernels.dots_pairs;
  const py::gil_scoped_release release;
  double best = 0.0;
  const std::int64_t stop = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  do {
    const std::int64_t begin = now_ns();
    const double flops = kernels.probe_fma(200000, pairs);
    best = std::max(best, flops / static_cast<double>(now_ns() - begin));
  } while (now_ns() < stop);
  return best;
}

// Reads random rows `distance` rows after asking for them, and adds them up; ns for all ids.
std::int64_t probe_rows(const py::array_t<float, py::array::c_style>& table,
                        const py::array_t<std::int32_t, py::array::c_style>& ids, std::int64_t distance) {
  expect(table.ndim() == 2 && ids.ndim() == 1, "table is (rows, dim), ids (count,)");
  const std::int64_t dim = table.shape(1), count = ids.shape(0), rows = table.shape(0);
  for (std::int64_t n = 0; n < count; ++n) expect(ids.data()[n] >= 0 && ids.data()[n] < rows, "an id is no row");
  const Kernels& kernels = chosen_kernels();
  const py::gil_scoped_release release;
  const std::int64_t begin = now_ns();
  const volatile float total = kernels.probe_rows(table.data(), dim, ids.data(), count, distance);
  static_cast<void>(total);
  return now_ns() - begin;
}

bool all_finite(const py::array_t<float, py::array::c_style>& array) {
  const float* data = array.data();
  const std::int64_t count = array.size();
  const py::gil_scoped_release release;
  for (std::int64_t from = 0; from < count; from += 4096) {
    const std::int64_t to = std::min<std::int64_t>(from + 4096, count);
    float zeros[16] = {};  // x * 0 is zero where x is finite, NaN where it is not; several sums go side by side
    std::int64_t n = from;
    for (; n + 16 <= to; n += 16) {
      for (int lane = 0; lane < 16; ++lane) zeros[lane] += data[n + lane] * 0.0f;
    }
    for (; n < to; ++n) zeros[0] += data[n] * 0.0f;
    for (const float zero : zeros) {
      if (!(zero == 0.0f)) return false;
    }
  }
  return true;
}

void bind_operations(py::class_<Program, std::shared_ptr<Program>>& cls) {
  cls.def("table", [](Program& self, const py::array_t<float, py::array::c_style>& rows) {
       expect(rows.ndim() == 2, "a table is (rows, dim)");
       const std::shared_ptr<void> owner = owner_of(rows);
       const float* data = rows.data();
       const std::int64_t count = rows.shape(0), dim = rows.shape(1);
       const py::gil_scoped_release release;
       return self.add_table(data, count, dim, owner);
     })
      .def("dense", [](Program& self, int input, const Columns& out) { self.dense(input, view_of(out)); })
      .def("bag",
           [](Program& self, int input, std::int64_t first, std::int64_t groups, std::int64_t pooling, int table,
              const Columns& out) { self.bag(input, first, groups, pooling, table, view_of(out)); })
      .def("fc",
           [](Program& self, const Columns& in, const Floats& weight, const std::optional<Floats>& bias,
              const Columns& out, const std::string& after, std::int64_t repeat, bool accumulate) {
             expect(weight.ndim() == 2 && (!bias || bias->size() == weight.shape(0)), "weight (out, in), bias (out,)");
             self.fc(view_of(in), weight.data(), bias ? bias->data() : nullptr, weight.shape(1), weight.shape(0),
                     view_of(out), after_of(after), repeat, accumulate);
           })
      .def("combine",
           [](Program& self, const Columns& left, const Columns& right, const Columns& out, bool multiply,
              const std::string& after) {
             self.combine(view_of(left), view_of(right), view_of(out), multiply, after_of(after));
           })
      .def("mean", [](Program& self, const Columns& in, const Columns& out) { self.mean(view_of(in), view_of(out)); })
      .def("click", [](Program& self, const Columns& in, const Columns& out) { self.click(view_of(in), view_of(out)); })
      .def("dot_pairs", [](Program& self, const Columns& in, std::int64_t dim,
                           const Columns& out) { self.dot_pairs(view_of(in), dim, view_of(out)); })
      .def("score", [](Program& self, const Columns& in) { self.score(view_of(in)); })
      .def("finish", [](Program& self, std::int64_t tile) { self.finish(tile); }, py::arg("tile") = 0);
}

void bind_histories(py::class_<Program, std::shared_ptr<Program>>& cls) {
  cls.def("attention",
          [](Program& self, const Columns& steps, const Columns& ad, const Floats& history, const Floats& product,
             const Floats& ad_weight, const Floats& bias, const Floats& out_weight, float out_bias, float slope,
             const Columns& out) {
            const std::int64_t units = history.shape(1), dim = history.shape(0);
            expect(product.size() == dim * units && ad_weight.size() == dim * units && bias.size() == units &&
                       out_weight.size() == units,
                   "weights of an activation unit disagree");
            self.attention(view_of(steps), view_of(ad), history.data(), product.data(), ad_weight.data(), bias.data(),
                           out_weight.data(), out_bias, slope, units, view_of(out));
          })
      .def("units",
           [](Program& self, const Columns& users, const Columns& ad, const Floats& first, const Floats& first_bias,
              const Floats& second, const Floats& second_bias, const Columns& out) {
             const std::int64_t units = first.shape(0), dim = std::get<2>(ad);
             expect(first.size() == units * 3 * dim && first_bias.size() == units && second.size() == units * dim &&
                        second_bias.size() == units * dim,
                    "weights of the units disagree");
             self.units(view_of(users), view_of(ad), first.data(), first_bias.data(), second.data(),
                        second_bias.data(), units, view_of(out));
           })
      .def("gru",
           [](Program& self, const Columns& in, const Floats& input, const Floats& bias, const Floats& state,
              const std::optional<Columns>& gate, const Columns& out) {
             const std::int64_t width = state.shape(1);
             expect(input.shape(0) == 3 * width && bias.size() == 3 * width && state.shape(0) == 3 * width,
                    "weights of a GRU disagree");
             self.gru(view_of(in), input.shape(1), input.data(), bias.data(), state.data(), width, gate.has_value(),
                      gate ? view_of(*gate) : View{0, 0, 0}, view_of(out));
           })
      .def("tanh",
           [](Program& self, const Columns& in, const Floats& input, const Floats& bias, const Floats& state,
              const Columns& out) {
             const std::int64_t width = state.shape(1);
             expect(input.shape(0) == width && bias.size() == width && state.shape(0) == width,
                    "weights of a recurrence disagree");
             self.tanh_rnn(view_of(in), input.shape(1), input.data(), bias.data(), state.data(), width, view_of(out));
           })
      .def("step_attention", [](Program& self, const Columns& states, const Columns& query,
                                const Columns& out) { self.step_attention(view_of(states), view_of(query), view_of(out)); })
      .def("softmax", [](Program& self, const Columns& in, std::int64_t width, const Columns& out) {
        self.softmax(view_of(in), width, view_of(out));
      });
}

}  // namespace

void bind_program(py::module_& module) {
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const BadInput& error) {
      const py::object type = py::module_::import("tailrank.core").attr("BadInputError");
      const py::object raised = type(error.what(), py::arg("hint") = error.hint);
      PyErr_SetObject(type.ptr(), raised.ptr());
    }
  });
  py::class_<Scorer, std::shared_ptr<Scorer>>(module, "Scorer")
      .def_property_readonly("rows", &Scorer::rows)
      .def("score",
           [](Scorer& self, std::int64_t first, std::int64_t stop) {
             py::array_t<float> out(std::max<std::int64_t>(stop - first, 0));
             float* scores = out.mutable_data();
             const py::gil_scoped_release release;
             self.score(first, stop, scores);
             return out;
           })
      .def("score_rows", [](Scorer& self, const py::array_t<std::int64_t, py::array::c_style>& rows) {
        py::array_t<float> out(rows.size());
        float* scores = out.mutable_data();
        const py::gil_scoped_release release;
        self.score_rows(rows.data(), rows.size(), scores);
        return out;
      });
  py::class_<BoundScorer, Scorer, std::shared_ptr<BoundScorer>>(module, "BoundScorer");
  py::class_<Program, std::shared_ptr<Program>> cls(module, "Program");
  cls.def(py::init([](const std::vector<std::pair<std::string, std::int64_t>>& inputs,
                      const std::vector<std::int64_t>& buffers, const std::string& precision, const std::string& path,
                      std::int64_t ahead) {
            std::vector<InputKind> kinds;
            for (const auto& [kind, width] : inputs) kinds.push_back({kind == "dense", width});
            expect(!kinds.empty() && kinds.size() <= MOST_INPUTS, "1 to 16 inputs");
            auto program = std::make_shared<Program>(kinds, buffers, precision_of(precision), kernels_of(path));
            program->ahead = ahead;
            return program;
          }),
          py::arg("inputs"), py::arg("buffers"), py::arg("precision"), py::arg("path") = "", py::arg("ahead") = 0)
      .def("__call__", &run)
      .def("bind",
           [](const std::shared_ptr<Program>& self, const py::tuple& inputs) -> std::shared_ptr<Scorer> {
             return std::make_shared<BoundScorer>(self, inputs);
           })
      .def_property_readonly("path", [](const Program& self) { return self.kernels().name; })
      .def_property_readonly("tile", &Program::tile)
      .def_property_readonly("weight_bytes", &Program::weight_bytes)
      .def_property_readonly("own_table_bytes", &Program::own_table_bytes);
  bind_operations(cls);
  bind_histories(cls);
  module.def("paths", [] {
    std::vector<std::string> names;
    for (const Kernels* kernels : runnable_kernels()) names.emplace_back(kernels->name);
    return names;
  });
  module.def("path", [] { return chosen_kernels().name; });
  module.def("probe_fma", &probe_fma, py::arg("seconds"), py::arg("precision") = "fp32", py::arg("path") = "");
  module.def("probe_rows", &probe_rows, py::arg("table"), py::arg("ids"), py::arg("distance"));
  module.def("all_finite", &all_finite);
}

}  // namespace tailrank
