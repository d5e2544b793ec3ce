#include "stream/handoff.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>

namespace facedge {

Handoff::~Handoff() {
    if (fd_ >= 0) close(fd_);
}

void Handoff::accept() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        accepted_.store(accepted_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    work_.notify_one();
}

void Handoff::take() {
    std::lock_guard<std::mutex> lock(mutex_);
    polled_.store(polled_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    eventfd_t one = 0;
    if (fd_ >= 0) eventfd_read(fd_, &one);
}

bool Handoff::wait_ready(int timeout_ms) {
    if (ready()) return true;
    std::unique_lock<std::mutex> lock(mutex_);
    // The caller itself is waiting, so no frame can be accepted meanwhile.
    const auto decided = [this] { return ready() || idle(); };
    if (timeout_ms < 0) results_.wait(lock, decided);
    else results_.wait_for(lock, std::chrono::milliseconds(timeout_ms), decided);
    return ready();
}

int Handoff::fd() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (fd_ < 0) {
        const auto waiting = static_cast<unsigned>(finished() - polled());
        fd_ = eventfd(waiting, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    }
    return fd_;
}

bool Handoff::next(uint64_t& frame) {
    std::unique_lock<std::mutex> lock(mutex_);
    work_.wait(lock, [this] { return !idle() || stopped_; });
    if (idle()) return false;
    frame = finished();
    return true;
}

void Handoff::finish() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        finished_.store(finished_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        if (fd_ >= 0) eventfd_write(fd_, 1);
    }
    results_.notify_one();
}

void Handoff::stop() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        stopped_ = true;
    }
    work_.notify_one();
}

}  // namespace facedge
