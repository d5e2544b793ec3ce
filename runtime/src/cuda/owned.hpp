// One CUDA object that is given back when it goes, from whatever thread that happens on.
#pragma once

#include "context.hpp"

#include <utility>

namespace facedge::cuda {

// `release` is the member of Functions that gives the handle back, such as
// &Functions::cuStreamDestroy.
template <class Handle, auto release>
class Owned {
public:
    Owned() = default;
    Owned(SharedContext context, Handle handle) : context_(std::move(context)), handle_(handle) {}
    Owned(Owned&& other) noexcept
        : context_(std::move(other.context_)), handle_(std::exchange(other.handle_, Handle{})) {}
    Owned& operator=(Owned&& other) noexcept {
        Owned taken(std::move(other));
        std::swap(context_, taken.context_);
        std::swap(handle_, taken.handle_);
        return *this;
    }
    ~Owned() {
        if (!handle_) return;
        const Current current(*context_, std::nothrow);
        (context_->driver().*release)(handle_);
    }

    Handle get() const { return handle_; }
    explicit operator bool() const { return handle_ != Handle{}; }
    const SharedContext& context() const { return context_; }
    const Driver& driver() const { return context_->driver(); }

private:
    SharedContext context_;
    Handle handle_{};
};

}  // namespace facedge::cuda
