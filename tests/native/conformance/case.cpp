#include "case.hpp"

#include "npy.hpp"

#include <algorithm>
#include <dirent.h>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

namespace conformance {
namespace {

facedge_roi face(std::istream& words) {
    facedge_roi roi = {};
    std::string kind;
    words >> roi.track;
    if (!(words >> kind)) {
        words.clear();  // a cropped face: no place in a frame
        return roi;
    }
    const bool landmarks = kind == "landmarks";
    roi.kind = landmarks ? FACEDGE_ROI_LANDMARKS : FACEDGE_ROI_BOX;
    float* numbers = landmarks ? &roi.points[0][0] : roi.box;
    for (int i = 0; i < (landmarks ? 10 : 4); ++i) words >> numbers[i];
    return roi;
}

facedge_frame read_picture(std::istream& words) {
    facedge_frame frame;
    facedge_frame_default(&frame);
    words >> frame.format >> frame.matrix >> frame.range >> frame.width >> frame.height;
    return frame;
}

template <class Number>
Number next(std::istream& words) {
    Number number = {};
    words >> number;
    return number;
}

}  // namespace

std::vector<std::string> list_cases(const std::string& folder) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(folder.c_str()), closedir);
    if (!directory) throw std::runtime_error(folder + " is not a folder of cases");
    while (const dirent* entry = readdir(directory.get()))
        if (exists(folder + "/" + entry->d_name + "/case.txt")) names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    return names;
}

Case read_case(const std::string& folder, const std::string& name) {
    Case made;
    made.folder = folder + "/" + name;
    made.name = name;
    facedge_stream_settings_default(&made.settings);
    made.settings.mode = FACEDGE_MODE_INLINE;
    std::vector<uint64_t> resets;
    auto& settings = made.settings;
    const std::map<std::string, std::function<void(std::istream&)>> statements = {
        {"sr", [&](auto& w) { made.sr = folder + "/" + next<std::string>(w); }},
        {"au", [&](auto& w) { made.au = folder + "/" + next<std::string>(w); }},
        {"precision", [&](auto& w) { w >> made.precision; }},
        {"max_faces", [&](auto& w) { w >> settings.max_faces; }},
        {"max_tracks", [&](auto& w) { w >> settings.max_tracks; }},
        {"max_missed", [&](auto& w) { w >> settings.max_missed; }},
        {"max_gap_us", [&](auto& w) { w >> settings.max_gap_us; }},
        {"batching", [&](auto& w) { w >> settings.batching; }},
        {"au_source", [&](auto& w) { w >> settings.au_source; }},
        {"picture", [&](auto& w) { made.picture = read_picture(w); }},
        {"reset", [&](auto& w) { resets.push_back(next<uint64_t>(w)); }},
        {"state", [&](auto& w) { made.states.push_back(next<uint64_t>(w)); }},
        {"frame",
         [&](auto& w) {
             made.frames.push_back({next<int64_t>(w), {}, resets});
             resets.clear();
         }},
        {"face", [&](auto& w) { made.frames.at(made.frames.size() - 1).faces.push_back(face(w)); }},
    };
    std::ifstream text(made.folder + "/case.txt");
    for (std::string line; std::getline(text, line);) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word)) continue;
        const auto statement = statements.find(word);
        if (statement != statements.end()) statement->second(words);
        if (statement == statements.end() || words.fail())
            throw std::runtime_error(made.folder + "/case.txt has a line that is none: " + line);
    }
    return made;
}

}  // namespace conformance
