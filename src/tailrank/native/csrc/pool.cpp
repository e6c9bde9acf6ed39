#include "pool.h"

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <utility>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace tailrank {
namespace {

constexpr int kSliceBits = 24;
constexpr std::uint64_t kSliceMask = (std::uint64_t{1} << kSliceBits) - 1;
constexpr int kPauses = 32;        // between two looks at the clock while spinning
constexpr int kMemory = 8;         // gaps that the running mean remembers
constexpr int kLongestGap = 4;     // spin budgets; a longer gap counts as this long, so that one night is soon forgotten

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void run_on(int core) {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);  // refused: the worker runs anywhere
#else
  static_cast<void>(core);
#endif
}

std::int64_t thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::size_t most_jobs(const Board& board, const std::vector<Scorer*>& scorers) {
  const auto stages = scorers.size() - static_cast<std::size_t>(std::count(scorers.begin(), scorers.end(), nullptr));
  return static_cast<std::size_t>(board.count()) * stages;
}

}  // namespace

Pool::Pool(Board& board, Sheet sheet, Settings settings)
    : board_(board), sheet_(sheet), settings_(std::move(settings)), jobs_(most_jobs(board, settings_.scorers)) {
  if (settings_.workers < 1) throw std::invalid_argument("a pool needs at least one worker");
  for (const Scorer* scorer : settings_.scorers) rows_.push_back(scorer ? scorer->rows() : 0);
  for (std::int64_t number = 0; number < settings_.workers; ++number) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->number = number;
  }
  parked_.reserve(workers_.size());
}

void Pool::start() {
  for (auto& worker : workers_) {
    if (!worker->thread.joinable()) worker->thread = std::thread(&Pool::run, this, std::ref(*worker));
  }
  while (ready_.load(std::memory_order_acquire) < settings_.workers) std::this_thread::yield();
}

void Pool::check(std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step,
                 const std::int64_t* rows) {
  if (query < 0 || query >= board_.count()) throw std::out_of_range("no such query");
  if (!serves(stage)) throw std::out_of_range("this pool does not serve that stage");
  if (size < 1 || size > sheet_.base[query + 1] - sheet_.base[query]) throw std::out_of_range("no such candidates");
  if (step < 1) throw std::out_of_range("batch size must be at least 1");
  const std::int64_t most = rows_[static_cast<std::size_t>(stage)];
  if (!rows && (sheet_.row[query] < 0 || sheet_.row[query] + size > most)) throw std::out_of_range("no such rows");
  if (rows && std::any_of(rows, rows + size, [most](std::int64_t row) { return row < 0 || row >= most; })) {
    throw std::out_of_range("no such rows");
  }
}

bool Pool::submit(std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step,
                  std::int64_t deadline_ns, const std::int64_t* rows) {
  check(query, stage, size, step, rows);
  if (settings_.relay && (stage > 0 || rows)) throw std::invalid_argument("only the relay sends queries on");
  std::vector<std::int64_t> own;
  if (rows) own.assign(rows, rows + size);
  const std::int64_t* mine = rows ? own.data() : nullptr;  // a vector that is moved keeps its elements where they are
  return queue(query, stage, size, step, deadline_ns, mine, std::move(own), false);
}

bool Pool::submit_kept(const Pool& from, std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step,
                       std::int64_t deadline_ns, const std::int64_t* rows) {
  if (rows[size - 1] >= rows_[static_cast<std::size_t>(stage)]) throw std::out_of_range("no such rows");
  return queue(query, stage, size, step, deadline_ns, rows, {}, &from == this);
}

// `takes_one`: the caller is a worker of this pool and looks at the queue next, so one fewer is woken.
bool Pool::queue(std::int64_t query, std::int32_t stage, std::int64_t size, std::int64_t step, std::int64_t deadline_ns,
                 const std::int64_t* rows, std::vector<std::int64_t> own, bool takes_one) {
  const std::int64_t slices = (size + step - 1) / step;
  if (slices > static_cast<std::int64_t>(kSliceMask)) throw std::out_of_range("slices a query must be fewer than 2^24");
  std::int64_t wanted = 0;
  {
    std::lock_guard<std::mutex> hold(submitting_);
    if (left() + slices > settings_.queue_limit) return false;
    const std::uint64_t number = tail_.load(std::memory_order_relaxed);
    if (number >= jobs_.most()) throw std::length_error("more submissions than queries times stages");
    Job& job = jobs_.grow(number);
    job.query = query, job.stage = stage, job.size = size, job.step = step, job.deadline_ns = deadline_ns;
    job.slices = slices, job.before = submitted_;
    job.rows = rows, job.own = std::move(own);
    board_.expect(query, static_cast<std::int32_t>(slices));
    submitted_ += slices;
    job.queued_ns = board_.now_ns();
    tail_.store(number + 1, std::memory_order_seq_cst);  // before the look at who is parked: `park` does the reverse
    if (parked_count_.load(std::memory_order_seq_cst) > 0) {
      wanted = left() - takes_one;  // before `coming_`: a worker leaves `coming_` first and takes a slice then
      wanted -= coming_.load(std::memory_order_seq_cst);
    }
  }
  wake(wanted);
  return true;
}

std::int64_t Pool::waiting() {
  std::lock_guard<std::mutex> hold(submitting_);
  return left();
}

// The slices that wait; under submitting_.
std::int64_t Pool::left() {
  const std::uint64_t cursor = cursor_.load(std::memory_order_acquire), head = cursor >> kSliceBits;
  if (head >= tail_.load(std::memory_order_relaxed)) return 0;
  return submitted_ - jobs_[head].before - static_cast<std::int64_t>(cursor & kSliceMask);
}

bool Pool::has_work() {
  return (cursor_.load(std::memory_order_seq_cst) >> kSliceBits) < tail_.load(std::memory_order_seq_cst);
}

bool Pool::take(std::uint64_t& number, std::int64_t& first) {
  std::uint64_t cursor = cursor_.load(std::memory_order_acquire);
  for (;;) {
    number = cursor >> kSliceBits;
    if (number >= tail_.load(std::memory_order_acquire)) return false;
    const std::uint64_t part = cursor & kSliceMask;
    const bool last = static_cast<std::int64_t>(part) + 1 == jobs_[number].slices;
    const std::uint64_t next = last ? (number + 1) << kSliceBits : cursor + 1;
    if (cursor_.compare_exchange_weak(cursor, next, std::memory_order_acq_rel, std::memory_order_acquire)) {
      first = static_cast<std::int64_t>(part) * jobs_[number].step;
      return true;
    }
  }
}

void Pool::run(Worker& worker) {
  if (!settings_.cores.empty()) run_on(settings_.cores[static_cast<std::size_t>(worker.number) % settings_.cores.size()]);
  ready_.fetch_add(1, std::memory_order_release);
  const std::int64_t began_ns = thread_cpu_ns();
  std::uint64_t number;
  std::int64_t first;
  while (!stopping_.load(std::memory_order_acquire)) {
    if (take(number, first)) {
      if (worker.dry_ns >= 0) note_gap(worker, jobs_[number].queued_ns);
      serve(worker, number, first);
    } else {
      await(worker);
    }
  }
  worker.cpu_ns = thread_cpu_ns() - began_ns;
}

void Pool::serve(Worker& worker, std::uint64_t number, std::int64_t first) {
  Job& job = jobs_[number];
  if (!board_.live(job.query)) return;
  const std::int64_t start_ns = board_.now_ns();
  if (start_ns > job.deadline_ns) {
    board_.fail(job.query, "deadline passed");
    return;
  }
  const std::int64_t stop = std::min(first + job.step, job.size);
  float* out = sheet_.scores + sheet_.base[job.query] + first;
  try {
    Scorer& scorer = *settings_.scorers[job.stage];
    if (!job.rows) {
      scorer.score(sheet_.row[job.query] + first, sheet_.row[job.query] + stop, out);
    } else {
      scorer.score_rows(job.rows + first, stop - first, out);
    }
  } catch (const std::exception& error) {  // a model that throws fails its query, never the run
    board_.fail(job.query, error.what());
    return;
  } catch (...) {
    board_.fail(job.query, "the scorer threw something that is no exception");
    return;
  }
  worker.log.push_back({number, first, start_ns, board_.now_ns()});
  if (!settings_.relay) {
    board_.slice_done(job.query, job.stage, static_cast<std::size_t>(job.stage) + 1 == settings_.scorers.size());
  } else if (board_.last_done(job.query)) {
    settings_.relay->stage_done(*this, {job.query, job.size, job.deadline_ns, job.stage});
  }
}

void Pool::await(Worker& worker) {
  if (worker.dry_ns < 0) worker.dry_ns = std::max<std::int64_t>(board_.now_ns(), 0);
  if (settings_.spin_ns < 0 || worker.gap_ns < settings_.spin_ns) spin();
  if (!has_work() && !stopping_.load(std::memory_order_acquire)) park(worker);
}

// Keeps the mean of the times without work, without the time it took to wake up.
void Pool::note_gap(Worker& worker, std::int64_t queued_ns) {
  const std::int64_t longest_ns = kLongestGap * std::max<std::int64_t>(settings_.spin_ns, 0);
  const std::int64_t gap_ns = std::clamp<std::int64_t>(queued_ns - worker.dry_ns, 0, longest_ns);
  worker.gap_ns += (gap_ns - worker.gap_ns) / kMemory;
  worker.dry_ns = -1;
}

void Pool::spin() {
  const std::int64_t until_ns = settings_.spin_ns < 0 ? kForever : monotonic_ns() + settings_.spin_ns;
  coming_.fetch_add(1, std::memory_order_seq_cst);
  do {
    for (int i = 0; i < kPauses && !has_work(); ++i) relax();
  } while (!has_work() && !stopping_.load(std::memory_order_acquire) && monotonic_ns() < until_ns);
  coming_.fetch_sub(1, std::memory_order_seq_cst);
}

void Pool::park(Worker& worker) {
  {
    std::lock_guard<std::mutex> hold(lock_);
    parked_.push_back(&worker);
    parked_count_.store(static_cast<std::int64_t>(parked_.size()), std::memory_order_seq_cst);
  }
  if (has_work() || stopping_.load(std::memory_order_seq_cst)) {  // it came in between: nobody may have seen us park
    std::lock_guard<std::mutex> hold(lock_);
    const auto mine = std::find(parked_.begin(), parked_.end(), &worker);
    if (mine != parked_.end()) {
      parked_.erase(mine);
      parked_count_.store(static_cast<std::int64_t>(parked_.size()), std::memory_order_seq_cst);
      return;
    }
  }
  worker.parker.park();
  coming_.fetch_sub(1, std::memory_order_seq_cst);
}

void Pool::wake(std::int64_t wanted) {
  for (; wanted > 0; --wanted) {
    Worker* worker;
    {
      std::lock_guard<std::mutex> hold(lock_);
      if (parked_.empty()) return;
      worker = parked_.back();
      parked_.pop_back();
      parked_count_.store(static_cast<std::int64_t>(parked_.size()), std::memory_order_seq_cst);
      coming_.fetch_add(1, std::memory_order_seq_cst);
    }
    worker->parker.wake();
  }
}

void Pool::stop() {
  stopping_.store(true, std::memory_order_seq_cst);
  wake(settings_.workers);
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

std::vector<Served> Pool::served() {
  std::vector<Served> all;
  for (auto& worker : workers_) {
    for (const Entry& entry : worker->log) {
      const Job& job = jobs_[entry.job];
      all.push_back({job.query, job.stage, entry.first, std::min(job.step, job.size - entry.first), worker->number,
                     job.queued_ns, entry.start_ns, entry.finish_ns});
    }
  }
  return all;
}

std::vector<std::int64_t> Pool::cpu_ns() const {
  std::vector<std::int64_t> all;
  for (auto& worker : workers_) all.push_back(worker->cpu_ns);
  return all;
}

}  // namespace tailrank
