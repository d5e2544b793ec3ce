// A small sound manifest, with parts replaced, sealed with its digest.
#pragma once

#include "bundle/sha256.hpp"

#include <string>

inline std::string replaced(std::string text, const std::string& old, const std::string& with) {
    const size_t at = text.find(old);
    return at == std::string::npos ? text : text.replace(at, old.size(), with);
}

inline std::string sealed(std::string text) {
    const std::string zeros(64, '0');
    return replaced(text, zeros, facedge::sha256_hex(text.data(), text.size()));
}

inline std::string sound_manifest() {
    return R"({
  "schema": 1,
  "digest": "0000000000000000000000000000000000000000000000000000000000000000",
  "name": "tiny", "model": "tiny-model",
  "task": "super-resolution", "precision": "fp32",
  "steps": 3, "scale": 2, "stateful": false,
  "inputs": [{"name": "images", "dtype": "uint8", "shape": [-1, 4, 5, 3], "meaning": "RGB"}],
  "outputs": [{"name": "restored", "dtype": "uint8", "shape": [-1, 8, 10, 3], "meaning": "RGB"}],
  "artifacts": [
    {"backend": "onnxruntime", "path": "onnx/portable.onnx", "dialect": "portable"},
    {"backend": "tensorrt", "path": "engines/a.plan", "dialect": "tensorrt", "version": "10.3.0",
     "device": "sm_87", "max_batch": 8, "latency_ms": 1}
  ],
  "golden": [{"dialect": "portable", "inputs": {"images": "golden/images.npy"},
              "outputs": {"restored": "golden/restored.npy"}, "min_psnr_db": 50, "max_abs": 0.001}],
  "gates": [{"name": "g", "subject": "s", "measured": 81.5, "limit": 80, "unit": "dB",
             "sense": "at least"}],
  "quality": {"psnr": 30.25},
  "rewrites": [{"name": "r", "nodes_before": 2, "nodes_after": 1, "parameters_before": 1,
                "parameters_after": 1, "macs_before": 1, "macs_after": 1}],
  "weights": {"sha256": "00", "source": "seeded", "licence": "Apache-2.0"},
  "calibration": null,
  "preferred": "onnxruntime",
  "tools": {"onnx": "1.18"},
  "files": {"onnx/portable.onnx": "11", "engines/a.plan": "22", "golden/images.npy": "33",
            "golden/restored.npy": "44"},
  "licence": "Apache-2.0"
}
)";
}
