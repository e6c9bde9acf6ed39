// Python's view of the pool: what runs long gives the GIL up, and arrays live as long as who points into them.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "board.h"
#include "pool.h"
#include "program.h"
#include "relay.h"
#include "select.h"
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

// The arrays of a run, kept alive for who points into them.
struct Arrays {
  Arrays(const BoundBoard& board, I64 the_base, I64 the_row, F32 the_scores)
      : base(std::move(the_base)), row(std::move(the_row)), scores(std::move(the_scores)) {
    const std::int64_t count = board.board.count();
    if (base.size() != count + 1 || row.size() != count) throw std::invalid_argument("base and row do not fit the board");
    for (std::int64_t i = 0; i < count; ++i) {
      if (base.data()[i] < 0 || base.data()[i + 1] < base.data()[i]) throw std::invalid_argument("base must not decrease");
    }
    if (base.data()[count] > scores.size()) throw std::invalid_argument("base reaches beyond the scores");
  }
  Sheet sheet() { return {base.data(), row.data(), scores.mutable_data()}; }

  I64 base, row;
  F32 scores;
};

struct BoundRelay {
  BoundRelay(std::shared_ptr<BoundBoard> the_board, I64 base, I64 row, F32 scores, std::vector<std::int64_t> keeps,
             bool remembers)
      : board(std::move(the_board)),
        arrays(*board, std::move(base), std::move(row), std::move(scores)),
        relay(board->board, arrays.sheet(), std::move(keeps), remembers) {}

  std::shared_ptr<BoundBoard> board;
  Arrays arrays;
  Relay relay;  // keeps the pools, whose workers `~BoundPool` has joined by then

  // The positions within `query` that went into its last stage; None where it never went on, or they were forgotten.
  py::object kept(std::int64_t query) const {
    const std::int64_t count = relay.kept(board->checked(query)), first = arrays.row.data()[query];
    if (count == 0) return py::none();
    I64 positions(count);
    const std::int64_t* rows = relay.rows(query);
    for (std::int64_t i = 0; i < count; ++i) positions.mutable_data()[i] = rows[i] - first;
    return positions;
  }
};

struct BoundPool {
  BoundPool(std::shared_ptr<BoundBoard> the_board, py::list the_scorers, I64 base, I64 row, F32 scores,
            Settings settings, std::shared_ptr<BoundRelay> the_relay)
      : board(std::move(the_board)),
        scorers(std::move(the_scorers)),
        arrays(*board, std::move(base), std::move(row), std::move(scores)),
        relay(std::move(the_relay)) {
    for (const py::handle scorer : scorers) {
      settings.scorers.push_back(scorer.is_none() ? nullptr : scorer.cast<Scorer*>());
    }
    if (relay) {
      if (relay->board != board || static_cast<std::size_t>(relay->relay.stages()) != settings.scorers.size()) {
        throw std::invalid_argument("the relay is of another board, or of another number of stages");
      }
      const Sheet here = arrays.sheet(), there = relay->relay.sheet();
      if (here.base != there.base || here.row != there.row || here.scores != there.scores) {
        throw std::invalid_argument("the relay has other arrays");
      }
      settings.relay = &relay->relay;
    }
    pool = std::make_shared<Pool>(board->board, arrays.sheet(), std::move(settings));
  }
  BoundPool(const BoundPool&) = delete;
  ~BoundPool() { pool->stop(); }  // joined before what they point into goes; the relay may keep the pool itself longer

  std::shared_ptr<BoundBoard> board;
  py::list scorers;
  Arrays arrays;
  std::shared_ptr<BoundRelay> relay;
  std::shared_ptr<Pool> pool;
};

std::shared_ptr<BoundPool> make_pool(std::shared_ptr<BoundBoard> board, py::list scorers, std::int64_t workers, I64 base,
                                     I64 row, F32 scores, std::vector<int> cores, std::int64_t spin_ns,
                                     std::int64_t queue_limit, std::shared_ptr<BoundRelay> relay) {
  Settings settings;
  settings.workers = workers, settings.cores = std::move(cores);
  settings.spin_ns = spin_ns, settings.queue_limit = queue_limit;
  return std::make_shared<BoundPool>(std::move(board), std::move(scorers), std::move(base), std::move(row),
                                     std::move(scores), std::move(settings), std::move(relay));
}

I64 served(BoundPool& self) {
  static_assert(sizeof(Served) == 8 * sizeof(std::int64_t), "a row of eight");
  const std::vector<Served> rows = self.pool->served();
  I64 table({static_cast<py::ssize_t>(rows.size()), static_cast<py::ssize_t>(8)});
  if (!rows.empty()) std::copy_n(reinterpret_cast<const std::int64_t*>(rows.data()), rows.size() * 8, table.mutable_data());
  return table;
}

I64 chosen(const F32& scores, std::int64_t count) {
  I64 found(std::clamp<std::int64_t>(count, 0, scores.size()));
  choose(chosen_kernels(), scores.data(), scores.size(), count, nullptr, 0, found.mutable_data());
  return found;
}

void bind_relay(py::module_& module) {
  module.def("chosen", &chosen, py::arg("scores"), py::arg("count"));
  py::class_<BoundRelay, std::shared_ptr<BoundRelay>>(module, "Relay")
      .def(py::init<std::shared_ptr<BoundBoard>, I64, I64, F32, std::vector<std::int64_t>, bool>(), py::arg("board"),
           py::arg("base"), py::arg("row"), py::arg("scores").noconvert(), py::arg("keeps"),
           py::arg("remembers") = true)
      .def("link", [](BoundRelay& self, std::int32_t stage, const BoundPool& pool, std::int64_t step,
                      std::int64_t offload_at, const BoundPool* away) {
        self.relay.link(stage, pool.pool, step, offload_at, away ? away->pool : nullptr);
      }, py::arg("stage"), py::arg("pool"), py::arg("step"), py::arg("offload_at") = 0, py::arg("away") = nullptr)
      .def("kept", &BoundRelay::kept);
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
  bind_relay(module);
  py::class_<BoundPool, std::shared_ptr<BoundPool>>(module, "Pool")
      .def(py::init(&make_pool), py::arg("board"), py::arg("scorers"), py::arg("workers"), py::arg("base"),
           py::arg("row"), py::arg("scores").noconvert(), py::arg("cores") = std::vector<int>{}, py::arg("spin_ns") = 0,
           py::arg("queue_limit") = std::int64_t{1} << 18, py::arg("relay") = std::shared_ptr<BoundRelay>())
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
