// Objects of a C library, released by the function that the library gives for them.
#pragma once

#include <memory>

namespace facedge::plugin {

template <class T>
struct Release {
    void (*function)(T*) = nullptr;
    void operator()(T* object) const { function(object); }
};

template <class T>
using Handle = std::unique_ptr<T, Release<T>>;

template <class T>
Handle<T> own(T* object, void (*release)(T*)) {
    return Handle<T>(object, Release<T>{release});
}

}  // namespace facedge::plugin
