// Python's view of the pool: what runs long gives the GIL up, and arrays live as long as who points into them.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "board.h"
#include "pool.h"
#include "standins.h"

namespace py = pybind11;

namespace tailrank {
namespace {

using I64 = py::array_t<std::int64_t, py::array::c_style>;
using F32 = py::array_t<float, py::array::c_style>;

struct BoundBoard {
  explicit BoundBoard(I64 finish_ns) : array(std::move(finish_ns)), board(array.mutable_data(), array.size()) {}
  I64 array;
  Board board;

  std::int64_t checked(std::int64_t query) const {
    if (query < 0 || query >= board.count()) throw std::out_of_range("no such query");
    return query;
  }
};

struct BoundPool {
  BoundPool(std::shared_ptr<BoundBoard> the_board, py::list the_scorers, I64 the_base, I64 the_row, F32 the_scores,
            Settings settings)
      : board(std::move(the_board)),
        scorers(std::move(the_scorers)),
        base(std::move(the_base)),
        row(std::move(the_row)),
        scores(std::move(the_scores)) {
    const std::int64_t count = board->board.count();
    if (base.size() != count + 1 || row.size() != count) throw std::invalid_argument("base and row do not fit the board");
    for (std::int64_t i = 0; i < count; ++i) {
      if (base.data()[i] < 0 || base.data()[i + 1] < base.data()[i]) throw std::invalid_argument("base must not decrease");
    }
    if (base.data()[count] > scores.size()) throw std::invalid_argument("base reaches beyond the scores");
    for (const py::handle scorer : scorers) {
      settings.scorers.push_back(scorer.is_none() ? nullptr : scorer.cast<Scorer*>());
    }
    const Sheet sheet{base.data(), row.data(), scores.mutable_data()};
    pool = std::make_unique<Pool>(board->board, sheet, std::move(settings));
  }

  std::shared_ptr<BoundBoard> board;
  py::list scorers;
  I64 base, row;
  F32 scores;
  std::unique_ptr<Pool> pool;  // last: its workers are joined before what they point into goes
};

std::shared_ptr<BoundPool> make_pool(std::shared_ptr<BoundBoard> board, py::list scorers, std::int64_t workers, I64 base,
                                     I64 row, F32 scores, std::vector<int> cores, std::int64_t spin_ns,
                                     std::int64_t queue_limit) {
  Settings settings;
  settings.workers = workers, settings.cores = std::move(cores);
  settings.spin_ns = spin_ns, settings.queue_limit = queue_limit;
  return std::make_shared<BoundPool>(std::move(board), std::move(scorers), std::move(base), std::move(row),
                                     std::move(scores), std::move(settings));
}

I64 served(BoundPool& self) {
  static_assert(sizeof(Served) == 8 * sizeof(std::int64_t), "a row of eight");
  const std::vector<Served> rows = self.pool->served();
  I64 table({static_cast<py::ssize_t>(rows.size()), static_cast<py::ssize_t>(8)});
  if (!rows.empty()) std::copy_n(reinterpret_cast<const std::int64_t*>(rows.data()), rows.size() * 8, table.mutable_data());
  return table;
}

void bind_standins(py::module_& module) {
  py::class_<NullScorer, Scorer, std::shared_ptr<NullScorer>>(module, "NullScorer")
      .def(py::init<std::int64_t>(), py::arg("rows"));
  py::class_<TimedScorer, Scorer, std::shared_ptr<TimedScorer>>(module, "TimedScorer")
      .def(py::init<std::int64_t, std::int64_t, std::int64_t>(), py::arg("fixed_ns"), py::arg("item_ns"),
           py::arg("rows"));
}

void bind_board(py::module_& module) {
  py::class_<BoundBoard, std::shared_ptr<BoundBoard>>(module, "Board")
      .def(py::init<I64>(), py::arg("finish_ns").noconvert())
      .def_property("origin_ns", [](BoundBoard& self) { return self.board.origin_ns(); },
                    [](BoundBoard& self, std::int64_t origin_ns) { self.board.set_origin_ns(origin_ns); })
      .def_property_readonly("idle", [](BoundBoard& self) { return self.board.idle(); })
      .def("expect", [](BoundBoard& self, std::int64_t query, std::int32_t slices) {
        self.board.expect(self.checked(query), slices);
      })
      .def("live", [](BoundBoard& self, std::int64_t query) { return self.board.live(self.checked(query)); })
      .def("slice_done", [](BoundBoard& self, std::int64_t query, std::int32_t stage, bool final) {
        self.board.slice_done(self.checked(query), stage, final);
      })
      .def("fail", [](BoundBoard& self, std::int64_t query, std::string reason) {
        return self.board.fail(self.checked(query), std::move(reason));
      })
      .def("wait", [](BoundBoard& self, std::int64_t timeout_ns) { return self.board.wait(timeout_ns); },
           py::call_guard<py::gil_scoped_release>())
      .def("errors", [](BoundBoard& self) { return self.board.errors(); });
}

}  // namespace

void bind_pool(py::module_& module) {
  bind_standins(module);
  bind_board(module);
  py::class_<BoundPool, std::shared_ptr<BoundPool>>(module, "Pool")
      .def(py::init(&make_pool), py::arg("board"), py::arg("scorers"), py::arg("workers"), py::arg("base"),
           py::arg("row"), py::arg("scores").noconvert(), py::arg("cores") = std::vector<int>{}, py::arg("spin_ns") = 0,
           py::arg("queue_limit") = std::int64_t{1} << 18)
      .def("start", [](BoundPool& self) { self.pool->start(); }, py::call_guard<py::gil_scoped_release>())
      .def("submit", [](BoundPool& self, std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step,
                        std::int64_t deadline_ns) {
        return self.pool->submit(query, stage, size, step, deadline_ns, nullptr);
      })
      .def("submit_rows", [](BoundPool& self, std::int64_t query, std::int32_t stage, const I64& rows,
                             std::int64_t step, std::int64_t deadline_ns) {
        return self.pool->submit(query, stage, rows.size(), step, deadline_ns, rows.data());
      })
      .def_property_readonly("waiting", [](BoundPool& self) { return self.pool->waiting(); })
      .def("stop", [](BoundPool& self) { self.pool->stop(); }, py::call_guard<py::gil_scoped_release>())
      .def("served", &served)
      .def("cpu_ns", [](BoundPool& self) { return self.pool->cpu_ns(); });
}

}  // namespace tailrank
