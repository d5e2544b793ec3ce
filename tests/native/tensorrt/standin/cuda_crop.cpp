// The crop kernel of the stand-in: runtime/kernels' arithmetic, run by the processor.
#include "cuda_state.hpp"

#include <crop_on_host.hpp>

namespace standin {
namespace {

using facedge::FacedgeCrop;

size_t row_bytes(const FacedgeCrop& launch, int plane) {
    const auto width = static_cast<size_t>(launch.width);
    switch (launch.format) {
        case FACEDGE_FORMAT_RGB24:
        case FACEDGE_FORMAT_BGR24: return 3 * width;
        case FACEDGE_FORMAT_YUYV: return 2 * width;
        default: return plane == 0 ? width : (width + 1) / 2 * 2;
    }
}

// Host address of a plane, all of which has to be device memory.
bool resolve_plane(FacedgeCrop& launch, int plane) {
    const int32_t rows = plane == 0 ? launch.height : (launch.height + 1) / 2;
    const size_t bytes = static_cast<size_t>(launch.stride[plane]) * static_cast<size_t>(rows - 1) +
                         row_bytes(launch, plane);
    const unsigned char* host = state().memory(launch.planes[plane], bytes);
    launch.planes[plane] = reinterpret_cast<uintptr_t>(host);
    return host;
}

void run(FacedgeCrop launch) {
    const bool two = launch.format == FACEDGE_FORMAT_NV12 || launch.format == FACEDGE_FORMAT_NV21;
    const size_t bytes = size_t{3} * static_cast<size_t>(launch.crop_width) *
                         static_cast<size_t>(launch.crop_height) *
                         static_cast<size_t>(launch.count);
    const unsigned char* crops = state().memory(launch.crops, bytes);
    if (!resolve_plane(launch, 0) || (two && !resolve_plane(launch, 1)) || !crops) return;
    launch.crops = reinterpret_cast<uintptr_t>(crops);
    facedge::crop_on_host(launch);
}

}  // namespace

bool queue_crop(CUstream stream, unsigned grid_x, unsigned grid_y, unsigned threads,
                const void* parameter) {
    const auto launch = *static_cast<const FacedgeCrop*>(parameter);
    const facedge::CropGrid grid = facedge::crop_grid(launch);
    if (grid_x != grid.x || grid_y != grid.y || threads != facedge::kCropBlock ||
        launch.count < 1 || launch.count > facedge::kCropFaces)
        state().violate("a crop launch of another shape than its parameters say");
    return state().submit(stream, [launch] { run(launch); });
}

}  // namespace standin
