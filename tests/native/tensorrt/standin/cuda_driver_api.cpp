// The driver API of the stand-in: devices, contexts, memory, kernels.
#include "cuda_state.hpp"

#include <cstdio>
#include <cstring>

using namespace standin;

namespace {

// Handles that nobody dereferences.
CUcontext primary_context(CUdevice device) {
    return reinterpret_cast<CUcontext>(static_cast<uintptr_t>(0x1000 + device));
}

const CUfunction kCropFunction = reinterpret_cast<CUfunction>(uintptr_t{0x2000});

CUresult copy(const char* name, CUstream stream, CUdeviceptr device, const void* host, size_t bytes,
              bool to_device) {
    return state().call(name, kNeedsContext, [&] {
        if (!state().is_page_locked(host, bytes)) {
            state().violate(std::string(name) + " of memory that is not page-locked");
            return CUDA_ERROR_INVALID_VALUE;
        }
        const bool queued = state().submit(stream, [=] {
            auto* at_host = static_cast<unsigned char*>(const_cast<void*>(host));
            unsigned char* at_device = state().memory(device, bytes);
            if (!state().is_page_locked(host, bytes))
                state().violate("a copy is under way and its page-locked memory is freed");
            else if (at_device)
                std::memcpy(to_device ? at_device : at_host, to_device ? at_host : at_device,
                            bytes);
        });
        return queued ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
    });
}

}  // namespace

CUresult CUDAAPI cuInit(unsigned) {
    return state().call("cuInit", 0, [] { return state().machine.start; });
}

CUresult CUDAAPI cuGetErrorName(CUresult error, const char** text) {
    switch (error) {
        case CUDA_ERROR_OUT_OF_MEMORY: *text = "CUDA_ERROR_OUT_OF_MEMORY"; break;
        case CUDA_ERROR_NO_DEVICE: *text = "CUDA_ERROR_NO_DEVICE"; break;
        case CUDA_ERROR_UNKNOWN: *text = "CUDA_ERROR_UNKNOWN"; break;
        default: *text = "CUDA_ERROR_OTHER";
    }
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGetErrorString(CUresult error, const char** text) {
    switch (error) {
        case CUDA_ERROR_OUT_OF_MEMORY: *text = "out of memory"; break;
        case CUDA_ERROR_NO_DEVICE: *text = "no CUDA-capable device is detected"; break;
        case CUDA_ERROR_UNKNOWN: *text = "unknown error"; break;
        default: *text = "another error";
    }
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDriverGetVersion(int* version) {
    return state().call("cuDriverGetVersion", 0, [&] {
        *version = 12060;
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuDeviceGetCount(int* count) {
    return state().call("cuDeviceGetCount", 0, [&] {
        *count = state().machine.devices;
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuDeviceGet(CUdevice* device, int index) {
    return state().call("cuDeviceGet", 0, [&] {
        if (index < 0 || index >= state().machine.devices) return CUDA_ERROR_INVALID_DEVICE;
        *device = index;
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuDeviceGetName(char* name, int bytes, CUdevice) {
    return state().call("cuDeviceGetName", 0, [&] {
        std::snprintf(name, static_cast<size_t>(bytes), "stand-in");
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
    return state().call("cuDeviceGetAttribute", 0, [&] {
        const Machine& machine = state().machine;
        switch (attribute) {
            case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = machine.major; break;
            case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = machine.minor; break;
            case CU_DEVICE_ATTRIBUTE_INTEGRATED: *value = machine.integrated; break;
            case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY: *value = machine.maps_host_memory; break;
            case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING: *value = 1; break;
            default: return CUDA_ERROR_INVALID_VALUE;
        }
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    return state().call("cuDevicePrimaryCtxRetain", 0, [&] {
        ++state().contexts;
        *context = primary_context(device);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuDevicePrimaryCtxRelease(CUdevice) {
    return state().call("cuDevicePrimaryCtxRelease", kGivesBack, [] {
        if (state().contexts == 0)
            state().violate("a context is released more often than retained");
        --state().contexts;
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuCtxPushCurrent(CUcontext context) {
    return state().call("cuCtxPushCurrent", kGivesBack, [&] {
        if (state().contexts == 0) {
            state().violate("a context is made current after its release");
            return CUDA_ERROR_CONTEXT_IS_DESTROYED;
        }
        State::current.push_back(context);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuCtxPopCurrent(CUcontext* context) {
    return state().call("cuCtxPopCurrent", kGivesBack | kNeedsContext, [&] {
        *context = State::current.back();
        State::current.pop_back();
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuMemAlloc(CUdeviceptr* address, size_t bytes) {
    return state().call("cuMemAlloc", kNeedsContext | kForbiddenInCapture, [&] {
        Block block = state().make_block(bytes);
        *address = reinterpret_cast<uintptr_t>(block.start) + kDeviceOffset;
        state().device_blocks[*address] = std::move(block);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuMemFree(CUdeviceptr address) {
    return state().call("cuMemFree", kGivesBack | kNeedsContext | kForbiddenInCapture, [&] {
        if (state().device_blocks.erase(address)) return CUDA_SUCCESS;
        state().violate("device memory is freed that is not allocated");
        return CUDA_ERROR_INVALID_VALUE;
    });
}

CUresult CUDAAPI cuMemHostAlloc(void** address, size_t bytes, unsigned flags) {
    return state().call("cuMemHostAlloc", kNeedsContext | kForbiddenInCapture, [&] {
        Block block = state().make_block(bytes);
        block.mapped = (flags & CU_MEMHOSTALLOC_DEVICEMAP) != 0;
        *address = block.start;
        state().host_blocks[*address] = std::move(block);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuMemFreeHost(void* address) {
    return state().call("cuMemFreeHost", kGivesBack | kNeedsContext | kForbiddenInCapture, [&] {
        if (state().host_blocks.erase(address)) return CUDA_SUCCESS;
        state().violate("page-locked memory is freed that is not allocated");
        return CUDA_ERROR_INVALID_VALUE;
    });
}

CUresult CUDAAPI cuMemHostGetDevicePointer(CUdeviceptr* device, void* host, unsigned) {
    return state().call("cuMemHostGetDevicePointer", kNeedsContext, [&] {
        const auto found = state().host_blocks.find(host);
        if (found == state().host_blocks.end() || !found->second.mapped)
            return CUDA_ERROR_INVALID_VALUE;
        *device = reinterpret_cast<uintptr_t>(host) + kDeviceOffset;
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes,
                                   CUstream stream) {
    return copy("cuMemcpyHtoDAsync", stream, to, from, bytes, true);
}

CUresult CUDAAPI cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
    return copy("cuMemcpyDtoHAsync", stream, from, to, bytes, false);
}

CUresult CUDAAPI cuModuleLoadData(CUmodule* module, const void* image) {
    return state().call("cuModuleLoadData", kNeedsContext | kForbiddenInCapture, [&] {
        // A fatbin begins with these bytes.
        if (std::memcmp(image, "\x50\xED\x55\xBA", 4) != 0) return CUDA_ERROR_INVALID_IMAGE;
        if (state().machine.load_module != CUDA_SUCCESS) return state().machine.load_module;
        auto made = std::make_unique<int>(0);
        *module = reinterpret_cast<CUmodule>(made.get());
        state().modules[*module] = std::move(made);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuModuleUnload(CUmodule module) {
    return state().call("cuModuleUnload", kGivesBack | kNeedsContext | kForbiddenInCapture, [&] {
        return state().modules.erase(module) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
    });
}

CUresult CUDAAPI cuModuleGetFunction(CUfunction* function, CUmodule, const char* name) {
    return state().call("cuModuleGetFunction", kNeedsContext, [&] {
        if (std::strcmp(name, "facedge_crop") != 0) return CUDA_ERROR_NOT_FOUND;
        *function = kCropFunction;
        return CUDA_SUCCESS;
    });
}
