// Which back end plays a bundle. The Python twin is runtime/choose.py, which also measures; a
// camera program wants the same choice at every start.
#pragma once

#include "bundle/bundle.hpp"
#include "plugins/plugin.hpp"

#include <memory>
#include <string>

namespace facedge {

struct Chosen {
    Artifact artifact;
    std::unique_ptr<Engine> engine;
};

// The order in which "auto" tries the bundle's back ends: plans, which only fit where they are
// fast; the one found fastest at build; onnxruntime; openvino; whatever else the bundle names.
std::vector<std::string> automatic_order(const Manifest& manifest);

// Opens the bundle's first artifact for `backend` that fits this machine, or, when it is empty, of
// the first back end in automatic_order() that works. FACEDGE_EBACKEND lists the reasons.
Status choose(const Bundle& bundle, const std::string& backend, const EngineOptions& options,
              Chosen& out);

}  // namespace facedge
