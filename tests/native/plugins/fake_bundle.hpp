// Writes bundles that libfacedge_backend_fake plays.
#pragma once

#include <facedge/facedge.h>

#include <string>
#include <vector>

namespace fake {

struct Plan {
    std::string backend = "fake";
    std::string options;  // text of the artifact, see fake_backend.cpp
    int max_batch = 0;
    std::string version = {}, device = {};
};

struct BundleSpec {
    facedge_task task = FACEDGE_TASK_SR;
    int width = 16, height = 16;  // of the input picture
    int scale = 2;                // 1 for action units
    int state_channels = 0;       // 0: stateless; else the state is [channels, height, width]
    std::vector<Plan> plans = {Plan{}};
    std::string preferred = "fake";
    std::string name = "fake";
};

// A stateless or stateful super-resolution bundle, or one for action units of 22 x 22 pixels.
BundleSpec super_resolution(const std::string& options = "", int state_channels = 0);
BundleSpec action_units(const std::string& options = "");

// Writes the bundle, replacing what is there; throws std::runtime_error when the disk refuses.
void write_bundle(const std::string& folder, const BundleSpec& spec);

// A folder that is removed with everything in it when this goes.
class TemporaryFolder {
public:
    TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

}  // namespace fake
