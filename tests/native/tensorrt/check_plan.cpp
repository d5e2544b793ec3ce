// Says what the plug-in says about plans, for test_tensorrt_native.py to compare with the Python
// runtime: from lines "version|device|installed|major|minor" to one line each, "" where it fits.
#include "../../../runtime/plugins/tensorrt/plan.hpp"

#include <iostream>
#include <sstream>
#include <vector>

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        std::vector<std::string> fields(1);
        for (char c : line) {
            if (c == '|') fields.emplace_back();
            else fields.back() += c;
        }
        if (fields.size() != 5) return 1;
        const facedge::tensorrt::Plan plan{"b/engines/e.plan", fields[0], fields[1],
                                           "facedge engine b --backend tensorrt"};
        const facedge::Status status = facedge::tensorrt::check_plan(
            plan, fields[2], std::stoi(fields[3]), std::stoi(fields[4]));
        if (!status && status.code() != FACEDGE_EPLAN) return 1;
        std::cout << status.message() << "\n";
    }
}
