// The compiled CUDA kernels, for cuModuleLoadData.
#pragma once

extern "C" const unsigned char facedge_crop_fatbin[];
