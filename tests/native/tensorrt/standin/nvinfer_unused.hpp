// TensorRT's interfaces with every function that the plug-in has no use for; calling one ends the
// program. The functions of all header versions from 10.3 to 11.1 together, so none says
// `override`.
#pragma once

#include <NvInferRuntime.h>

#include <cstdio>
#include <cstdlib>

namespace nvinfer1 {
class IRuntimeConfig;             // from 10.11
enum class EngineStat : int32_t;  // from 10.15
}  // namespace nvinfer1

namespace standin {

using namespace nvinfer1;

[[noreturn]] inline void unused(const char* name) {
    std::fprintf(stderr, "the stand-in of TensorRT has no %s\n", name);
    std::abort();
}

#define UNUSED(type, name, arguments) \
    type name arguments noexcept { unused(#name); }

class UnusedRuntime : public IRuntime, public apiv::VRuntime {
public:
#if NV_TENSORRT_MAJOR > 10 || NV_TENSORRT_MINOR >= 7
    UNUSED(ICudaEngine*, deserializeCudaEngineV2, (IStreamReaderV2&))
#endif
    UNUSED(void, setDLACore, (int32_t))
    UNUSED(int32_t, getDLACore, () const)
    UNUSED(int32_t, getNbDLACores, () const)
    UNUSED(void, setGpuAllocator, (IGpuAllocator*))
    UNUSED(void, setErrorRecorder, (IErrorRecorder*))
    UNUSED(IErrorRecorder*, getErrorRecorder, () const)
    UNUSED(ILogger*, getLogger, () const)
    UNUSED(bool, setMaxThreads, (int32_t))
    UNUSED(int32_t, getMaxThreads, () const)
    UNUSED(void, setTemporaryDirectory, (char const*))
    UNUSED(char const*, getTemporaryDirectory, () const)
    UNUSED(void, setTempfileControlFlags, (TempfileControlFlags))
    UNUSED(TempfileControlFlags, getTempfileControlFlags, () const)
    UNUSED(IPluginRegistry&, getPluginRegistry, ())
    UNUSED(void, setPluginRegistryParent, (IPluginRegistry*))
    UNUSED(IRuntime*, loadRuntime, (char const*))
    UNUSED(bool, getEngineHostCodeAllowed, () const)
};

class UnusedEngine : public ICudaEngine, public apiv::VCudaEngine {
public:
    UNUSED(int32_t, getNbLayers, () const)
    UNUSED(IHostMemory*, serialize, () const)
    UNUSED(IExecutionContext*, createExecutionContextWithoutDeviceMemory, ())
    UNUSED(size_t, getDeviceMemorySize, () const)
    UNUSED(bool, isRefittable, () const)
    UNUSED(char const*, getName, () const)
    UNUSED(int32_t, getNbOptimizationProfiles, () const)
    UNUSED(int32_t const*, getProfileTensorValues, (char const*, int32_t, OptProfileSelector) const)
    UNUSED(EngineCapability, getEngineCapability, () const)
    UNUSED(void, setErrorRecorder, (IErrorRecorder*))
    UNUSED(IErrorRecorder*, getErrorRecorder, () const)
    UNUSED(bool, hasImplicitBatchDimension, () const)
    UNUSED(TacticSources, getTacticSources, () const)
    UNUSED(ProfilingVerbosity, getProfilingVerbosity, () const)
    UNUSED(IEngineInspector*, createEngineInspector, () const)
    UNUSED(TensorLocation, getTensorLocation, (char const*) const)
    UNUSED(bool, isShapeInferenceIO, (char const*) const)
    UNUSED(int32_t, getTensorBytesPerComponent, (char const*) const)
    UNUSED(int32_t, getTensorComponentsPerElement, (char const*) const)
    UNUSED(TensorFormat, getTensorFormat, (char const*) const)
    UNUSED(char const*, getTensorFormatDesc, (char const*) const)
    UNUSED(int32_t, getTensorVectorizedDim, (char const*) const)
    UNUSED(Dims, getProfileShape, (char const*, int32_t, OptProfileSelector) const)
    UNUSED(HardwareCompatibilityLevel, getHardwareCompatibilityLevel, () const)
    UNUSED(int32_t, getNbAuxStreams, () const)
    UNUSED(int32_t, getTensorBytesPerComponentV2, (char const*, int32_t) const)
    UNUSED(int32_t, getTensorComponentsPerElementV2, (char const*, int32_t) const)
    UNUSED(TensorFormat, getTensorFormatV2, (char const*, int32_t) const)
    UNUSED(char const*, getTensorFormatDescV2, (char const*, int32_t) const)
    UNUSED(int32_t, getTensorVectorizedDimV2, (char const*, int32_t) const)
    UNUSED(ISerializationConfig*, createSerializationConfig, ())
    UNUSED(IHostMemory*, serializeWithConfig, (ISerializationConfig&) const)
    UNUSED(size_t, getDeviceMemorySizeForProfile, (int32_t) const)
    UNUSED(IRefitter*, createRefitter, (ILogger&))
    UNUSED(bool, setWeightStreamingBudget, (int64_t))
    UNUSED(int64_t, getWeightStreamingBudget, () const)
    UNUSED(int64_t, getMinimumWeightStreamingBudget, () const)
    UNUSED(int64_t, getStreamableWeightsSize, () const)
    UNUSED(bool, isDebugTensor, (char const*) const)
    UNUSED(bool, setWeightStreamingBudgetV2, (int64_t))
    UNUSED(int64_t, getWeightStreamingBudgetV2, () const)
    UNUSED(int64_t, getWeightStreamingAutomaticBudget, () const)
    UNUSED(int64_t, getWeightStreamingScratchMemorySize, () const)
    UNUSED(int64_t, getDeviceMemorySizeV2, () const)
    UNUSED(int64_t const*, getProfileTensorValuesV2,
           (char const*, int32_t, OptProfileSelector) const)
    UNUSED(IExecutionContext*, createExecutionContextWithRuntimeConfig, (IRuntimeConfig*))
    UNUSED(IRuntimeConfig*, createRuntimeConfig, ())
    UNUSED(int64_t, getEngineStat, (EngineStat) const)
    UNUSED(char const*, getAliasedInputTensor, (char const*) const)
};

class UnusedContext : public IExecutionContext, public apiv::VExecutionContext {
public:
    UNUSED(void, setDebugSync, (bool))
    UNUSED(bool, getDebugSync, () const)
    UNUSED(void, setProfiler, (IProfiler*))
    UNUSED(IProfiler*, getProfiler, () const)
    UNUSED(ICudaEngine const&, getEngine, () const)
    UNUSED(void, setName, (char const*))
    UNUSED(char const*, getName, () const)
    UNUSED(void, setDeviceMemory, (void*))
    UNUSED(int32_t, getOptimizationProfile, () const)
    UNUSED(bool, allInputDimensionsSpecified, () const)
    UNUSED(bool, allInputShapesSpecified, () const)
    UNUSED(void, setErrorRecorder, (IErrorRecorder*))
    UNUSED(IErrorRecorder*, getErrorRecorder, () const)
    UNUSED(bool, executeV2, (void* const*))
    UNUSED(bool, setOptimizationProfileAsync, (int32_t, cudaStream_t))
    UNUSED(void, setEnqueueEmitsProfile, (bool))
    UNUSED(bool, getEnqueueEmitsProfile, () const)
    UNUSED(bool, reportToProfiler, () const)
    UNUSED(Dims, getTensorStrides, (char const*) const)
    UNUSED(void const*, getTensorAddress, (char const*) const)
    UNUSED(bool, setInputTensorAddress, (char const*, void const*))
    UNUSED(bool, setOutputTensorAddress, (char const*, void*))
    UNUSED(int32_t, inferShapes, (int32_t, char const**))
    UNUSED(cudaEvent_t, getInputConsumedEvent, () const)
    UNUSED(void*, getOutputTensorAddress, (char const*) const)
    UNUSED(bool, setOutputAllocator, (char const*, IOutputAllocator*))
    UNUSED(IOutputAllocator*, getOutputAllocator, (char const*))
    UNUSED(int64_t, getMaxOutputSize, (char const*) const)
    UNUSED(bool, setTemporaryStorageAllocator, (IGpuAllocator*))
    UNUSED(IGpuAllocator*, getTemporaryStorageAllocator, () const)
    UNUSED(void, setPersistentCacheLimit, (size_t))
    UNUSED(size_t, getPersistentCacheLimit, () const)
    UNUSED(bool, setNvtxVerbosity, (ProfilingVerbosity))
    UNUSED(ProfilingVerbosity, getNvtxVerbosity, () const)
    UNUSED(void, setAuxStreams, (cudaStream_t*, int32_t))
    UNUSED(bool, setDebugListener, (IDebugListener*))
    UNUSED(IDebugListener*, getDebugListener, ())
    UNUSED(bool, setTensorDebugState, (char const*, bool))
    UNUSED(bool, getDebugState, (char const*) const)
    UNUSED(bool, setAllTensorsDebugState, (bool))
    UNUSED(IRuntimeConfig*, getRuntimeConfig, () const)
    UNUSED(bool, setUnfusedTensorsDebugState, (bool))
    UNUSED(bool, getUnfusedTensorsDebugState, () const)
    UNUSED(bool, setCommunicator, (void*))
};

#undef UNUSED

}  // namespace standin
