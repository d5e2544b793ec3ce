// Frames between acceptance and poll, as three counters: polled <= finished <= accepted. Frames are
// finished and polled in the order of acceptance, so a frame's number says all.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace facedge {

class Handoff {
public:
    explicit Handoff(uint64_t depth) : depth_(depth) {}
    Handoff(const Handoff&) = delete;
    Handoff& operator=(const Handoff&) = delete;
    ~Handoff();

    // For the stream's caller.
    uint64_t accepted() const { return accepted_.load(std::memory_order_acquire); }
    uint64_t polled() const { return polled_.load(std::memory_order_acquire); }
    bool full() const { return accepted() - polled() >= depth_; }
    bool ready() const { return finished() > polled(); }    // a result waits
    bool idle() const { return finished() == accepted(); }  // nothing is under way
    void accept();                                          // frame number accepted() may be played
    void take();                                            // the oldest result was taken
    // Whether a result waits; gives it `timeout_ms` (negative: for ever) while frames are under way.
    bool wait_ready(int timeout_ms);

    // An eventfd that counts the results waiting, made at the first call; -1 and errno. Any thread.
    int fd();

    // For the thread that plays.
    bool next(uint64_t& frame);  // waits for a frame; false after stop(), when all are played
    void finish();               // the oldest frame under way has its result
    void stop();

private:
    uint64_t finished() const { return finished_.load(std::memory_order_acquire); }

    const uint64_t depth_;
    // Atomic, so that the caller's questions need no lock; written under the mutex, so that nobody
    // sleeps through a change.
    std::atomic<uint64_t> accepted_{0}, finished_{0}, polled_{0};
    std::mutex mutex_;
    std::condition_variable work_, results_;
    bool stopped_ = false;
    int fd_ = -1;
};

}  // namespace facedge
