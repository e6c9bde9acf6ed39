// Where one thread waits until another wakes it: a futex on Linux, a condition variable elsewhere.
#pragma once
#include <time.h>

#include <atomic>
#include <cstdint>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <chrono>
#include <condition_variable>
#include <mutex>
#endif

namespace tailrank {

constexpr std::int64_t kForever = INT64_MAX;

// The clock of Python's time.perf_counter_ns on Linux.
inline std::int64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// One thread parks; any thread wakes it. A wake that comes first is kept: the next park returns at once.
class Parker {
 public:
#ifdef __linux__
  void wake() {
    if (word_.exchange(1, std::memory_order_release) == 0) futex(FUTEX_WAKE_PRIVATE, 1, nullptr);
  }

  // Returns false when `until_ns` (monotonic) came first.
  bool park(std::int64_t until_ns = kForever) {
    while (word_.exchange(0, std::memory_order_acquire) == 0) {
      if (until_ns == kForever) {
        futex(FUTEX_WAIT_PRIVATE, 0, nullptr);
        continue;
      }
      const std::int64_t left = until_ns - monotonic_ns();
      if (left <= 0) return false;
      const timespec wait{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
      futex(FUTEX_WAIT_PRIVATE, 0, &wait);
    }
    return true;
  }

 private:
  void futex(int operation, std::uint32_t value, const timespec* wait) {
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word_), operation, value, wait, nullptr, 0);
  }

  std::atomic<std::uint32_t> word_{0};
#else
  void wake() {
    {
      std::lock_guard<std::mutex> hold(lock_);
      woken_ = true;
    }
    changed_.notify_one();
  }

  bool park(std::int64_t until_ns = kForever) {
    std::unique_lock<std::mutex> hold(lock_);
    if (until_ns == kForever) {
      changed_.wait(hold, [this] { return woken_; });
    } else {
      const auto wait = std::chrono::nanoseconds(until_ns - monotonic_ns());
      if (!changed_.wait_for(hold, wait, [this] { return woken_; })) return false;
    }
    woken_ = false;
    return true;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  bool woken_ = false;
#endif
};

}  // namespace tailrank
