/* facedge_cuda.h - frames that are already on the GPU. Optional: it includes no CUDA header, and
 * only streams whose back end runs on CUDA (tensorrt) take such frames.
 *
 *     frame.memory = FACEDGE_MEMORY_CUDA;
 *     frame.planes[0].data = (const uint8_t *)luma;      // a CUdeviceptr, as cudaMalloc returns
 *     frame.planes[0].stride = pitch;
 *     frame.ready = event;                               // a CUevent recorded after the last write
 *
 * The colour conversion, the alignment and the crops of all faces then run in one kernel that
 * writes straight into the batch tensor. frame.release is called when that kernel has read the
 * frame, before inference ends. Not yet run on real hardware.
 */
#ifndef FACEDGE_CUDA_H
#define FACEDGE_CUDA_H

#include <facedge/facedge.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the stream takes FACEDGE_MEMORY_CUDA frames: 1 or 0; FACEDGE_EINVAL. */
FACEDGE_API int facedge_stream_takes_cuda(const facedge_stream *stream);

/* Device addresses of a result, for drawing without a copy through the host; NULL where there is
 * none. Valid as long as the result.
 *   restored  uint8 RGB [n_faces, height, width, 3], rows and faces touch
 * FACEDGE_EINVAL. */
FACEDGE_API int facedge_result_cuda(const facedge_stream *stream, const facedge_result *result,
                                    const void **restored);

#ifdef __cplusplus
}
#endif
#endif
