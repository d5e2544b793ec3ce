// A case: which bundles, which frames with which faces, and what must come out. A folder with
//
//   case.txt          below, one statement a line
//   images.npy        uint8 [rows, h, w, 3], faces cropped already; a row is a face of a frame, in
//                     order; or
//   frames.npy        uint8 [frames, bytes], raw camera frames, planes and rows touching
//   crop.npy restored.npy probabilities.npy landmarks.npy restored_to_frame.npy fresh.npy
//                     expected, one row per face; those that are absent are not compared
//   state.npy         float32 [tracks, floats], hidden states after the last frame
//
// case.txt:
//   sr PATH | au PATH                     bundles, relative to the folder of cases
//   max_faces N | max_tracks N | max_missed N | max_gap_us N | batching N | au_source N
//   precision NAME                        of the bundles: fp32, or the coarsest other
//   picture FORMAT MATRIX RANGE WIDTH HEIGHT     numbers of facedge.h; frames.npy only
//   frame TIMESTAMP_US                    begins a frame
//   face TRACK [landmarks 10 numbers | box 4 numbers]
//   reset TRACK                           before the next frame
//   state TRACK                           a row of state.npy
#pragma once

#include <facedge/facedge.h>

#include <optional>
#include <string>
#include <vector>

namespace conformance {

struct Frame {
    int64_t timestamp_us = 0;
    std::vector<facedge_roi> faces;
    std::vector<uint64_t> resets;  // tracks to forget before it
};

struct Case {
    std::string folder, name;
    std::string sr, au;  // paths of bundles; empty: none
    std::string precision = "fp32";
    facedge_stream_settings settings;
    std::optional<facedge_frame> picture;  // what all frames have in common; without: images.npy
    std::vector<Frame> frames;
    std::vector<uint64_t> states;

    std::string file(const char* array) const { return folder + "/" + array + ".npy"; }
};

// Names of the folders in `folder` that hold a case.txt, sorted.
std::vector<std::string> list_cases(const std::string& folder);

// Throws std::runtime_error with a sentence.
Case read_case(const std::string& folder, const std::string& name);

}  // namespace conformance
