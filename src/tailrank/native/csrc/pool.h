// The native pool: worker threads over one first-in-first-out queue, free of Python.
//
// The queue holds one job a query and stage, however many slices it has; workers take slice after slice off the job at
// the head by moving one shared cursor. Jobs live until the pool does, so a worker may read the one it took a slice of
// without a lock. Who submits (the dispatcher, and workers that send a query on) takes a lock of its own for an instant.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "board.h"
#include "parker.h"
#include "relay.h"
#include "scorer.h"

namespace tailrank {

// Elements at fixed addresses that are added one by one; up to `most` of them.
template <class T>
class Growing {
 public:
  explicit Growing(std::size_t most) : chunks_((most + kChunk - 1) / kChunk) {}
  std::size_t most() const { return chunks_.size() * kChunk; }
  T& operator[](std::size_t i) { return chunks_[i / kChunk][i % kChunk]; }

  // Makes room for element `i`; those before it are there.
  T& grow(std::size_t i) {
    if (i % kChunk == 0) chunks_[i / kChunk].reset(new T[kChunk]);
    return (*this)[i];
  }

 private:
  static constexpr std::size_t kChunk = 1024;
  std::vector<std::unique_ptr<T[]>> chunks_;
};

struct Settings {
  std::vector<Scorer*> scorers;  // by stage; null where the stage does not come here
  std::int64_t workers = 1;
  std::vector<int> cores;       // worker i runs on cores[i] alone; empty: anywhere
  std::int64_t spin_ns = 0;     // 0: park at once; > 0: spin so long where gaps are shorter; < 0: always spin
  std::int64_t queue_limit = 1; // slices that may wait
  Relay* relay = nullptr;       // sends queries on from stage to stage; null: the dispatcher does
};

// A slice that was served; times on the board's clock.
struct Served {
  std::int64_t query, stage, first, size, worker, queued_ns, start_ns, finish_ns;
};

class Pool {
 public:
  Pool(Board& board, Sheet sheet, Settings settings);
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;

  // Returns once every worker is ready; std::system_error where the system refuses threads or a core.
  void start();

  // Queues `size` candidates of `query` in slices of at most `step`; `rows` (or null) names their prepared rows. Slices
  // that have not started by `deadline_ns` fail the query. False: refused, too many slices wait.
  bool submit(std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step, std::int64_t deadline_ns,
              const std::int64_t* rows);

  // The same for the relay, called by a worker of `from`, which takes a slice itself if that is this pool. `rows` stay
  // where they are until the stage is done, and ascend.
  bool submit_kept(const Pool& from, std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step,
                   std::int64_t deadline_ns, const std::int64_t* rows);

  bool serves(std::int32_t stage) const {
    return stage >= 0 && static_cast<std::size_t>(stage) < settings_.scorers.size() && settings_.scorers[stage];
  }
  bool relayed_by(const Relay& relay) const { return settings_.relay == &relay; }
  std::int64_t queue_limit() const { return settings_.queue_limit; }
  std::int64_t waiting();

  // Drops what waits and joins the workers when they have done the slices they are at. May be called again.
  void stop();

  // After stop: what was served, worker by worker, and the processor time of each.
  std::vector<Served> served();
  std::vector<std::int64_t> cpu_ns() const;

 private:
  struct Job {
    std::int64_t query, size, step, slices, before, queued_ns, deadline_ns;  // before: slices submitted earlier
    std::int32_t stage;
    const std::int64_t* rows;  // null: those of the query, one after the other
    std::vector<std::int64_t> own;
  };
  struct Entry {
    std::uint64_t job;
    std::int64_t first, start_ns, finish_ns;
  };
  struct alignas(64) Worker {
    std::thread thread;
    Parker parker;
    std::deque<Entry> log;  // grows without moving what it holds
    std::int64_t gap_ns = 0;  // running mean of the times without work
    std::int64_t dry_ns = -1;  // without work since; -1: not
    std::int64_t cpu_ns = 0;
    std::int64_t number = 0;
  };

  bool queue(std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step, std::int64_t deadline_ns,
             const std::int64_t* rows, std::vector<std::int64_t> own, bool takes_one);
  std::int64_t left();
  bool has_work();
  bool take(std::uint64_t& job, std::int64_t& first);
  void run(Worker& worker);
  void serve(Worker& worker, std::uint64_t number, std::int64_t first);
  void await(Worker& worker);
  void note_gap(Worker& worker, std::int64_t queued_ns);
  void spin();
  void park(Worker& worker);
  void wake(std::int64_t wanted);
  void check(std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step, const std::int64_t* rows);

  Board& board_;
  const Sheet sheet_;
  const Settings settings_;
  std::vector<std::int64_t> rows_;  // by stage: those its scorer has
  Growing<Job> jobs_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex submitting_;
  std::int64_t submitted_ = 0;                      // slices; under submitting_
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // jobs submitted
  alignas(64) std::atomic<std::uint64_t> cursor_{0};  // job at the head << 24 | its next slice
  alignas(64) std::atomic<std::int64_t> parked_count_{0};
  std::atomic<std::int64_t> coming_{0};  // workers that spin or were woken and have not looked at the queue yet
  std::atomic<std::int64_t> ready_{0};
  std::atomic<bool> stopping_{false};
  std::mutex lock_;
  std::vector<Worker*> parked_;  // under lock; the last to park is the first to wake: its cache is warm
};

}  // namespace tailrank
