#include "context.hpp"

namespace facedge::cuda {
namespace {

int attribute(const Driver& driver, CUdevice_attribute which, CUdevice device) {
    int value = 0;
    driver.check(driver.cuDeviceGetAttribute(&value, which, device), "cuDeviceGetAttribute");
    return value;
}

CUdevice device_at(const Driver& driver, int index) {
    const int count = driver.device_count();
    if (index < 0 || index >= count)
        throw Failure(FACEDGE_EBACKEND, "device is " + std::to_string(index) +
                                            " and this machine has " + std::to_string(count) +
                                            "; expected 0 to " + std::to_string(count - 1));
    CUdevice device = 0;
    driver.check(driver.cuDeviceGet(&device, index), "cuDeviceGet");
    return device;
}

DeviceFacts facts_of(const Driver& driver, CUdevice device) {
    DeviceFacts facts;
    driver.check(driver.cuDeviceGetName(facts.name, sizeof facts.name, device), "cuDeviceGetName");
    const auto ask = [&](CUdevice_attribute which) { return attribute(driver, which, device); };
    facts.major = ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    facts.minor = ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    facts.integrated = ask(CU_DEVICE_ATTRIBUTE_INTEGRATED) != 0;
    facts.maps_host_memory = ask(CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY) != 0;
    facts.unified_addressing = ask(CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING) != 0;
    return facts;
}

}  // namespace

DeviceFacts device_facts(int index) {
    const Driver& driver = Driver::get();
    return facts_of(driver, device_at(driver, index));
}

SharedContext Context::retain(int index) {
    const Driver& driver = Driver::get();
    return SharedContext(new Context(driver, device_at(driver, index)));
}

Context::Context(const Driver& driver, CUdevice device)
    : driver_(driver), device_(device), facts_(facts_of(driver, device)) {
    driver.check(driver.cuDevicePrimaryCtxRetain(&handle_, device), "cuDevicePrimaryCtxRetain");
}

Context::~Context() { driver_.cuDevicePrimaryCtxRelease(device_); }

Current::Current(const Context& context) : driver_(context.driver()), pushed_(true) {
    driver_.check(driver_.cuCtxPushCurrent(context.handle()), "cuCtxPushCurrent");
}

Current::Current(const Context& context, std::nothrow_t) noexcept
    : driver_(context.driver()),
      pushed_(driver_.cuCtxPushCurrent(context.handle()) == CUDA_SUCCESS) {}

Current::~Current() {
    CUcontext popped = nullptr;
    if (pushed_) driver_.cuCtxPopCurrent(&popped);
}

}  // namespace facedge::cuda
