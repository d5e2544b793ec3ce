#include "plan.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

namespace facedge::tensorrt {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// "10.3.0.30" -> {10, 3, 0}: what decides whether a plan loads.
std::vector<long> version_numbers(const std::string& version) {
    constexpr long kMost = 1000000;
    std::vector<long> numbers;
    long number = 0;
    for (size_t i = 0; i <= version.size() && numbers.size() < 3; ++i) {
        if (i == version.size() || version[i] == '.') {
            numbers.push_back(number);
            number = 0;
        } else if (is_digit(version[i])) {
            number = std::min(kMost, number * 10 + (version[i] - '0'));
        }
    }
    return numbers;
}

bool version_fits(const std::string& built, const std::string& installed) {
    if (carries_host_code(built))
        return version_numbers(installed) >= version_numbers(built.substr(0, built.size() - 1));
    return version_numbers(installed) == version_numbers(built);
}

bool device_fits(const std::string& built, int major, const std::string& device) {
    if (built == "ampere+") return major >= 8;
    std::istringstream names(built);
    for (std::string name; std::getline(names, name, ',');)
        if (name == device) return true;
    return false;
}

}  // namespace

bool carries_host_code(const std::string& version) {
    return !version.empty() && version.back() == '+';
}

Status check_plan(const Plan& plan, const std::string& installed, int major, int minor) {
    const std::string device = "sm_" + std::to_string(major) + std::to_string(minor);
    if (plan.version.empty() || !is_digit(plan.version[0]) || plan.device.empty())
        return {FACEDGE_EPLAN, plan.path +
                                   " does not say which version and device it was built for; "
                                   "build it with: " +
                                   plan.rebuild};
    if (!version_fits(plan.version, installed))
        return {FACEDGE_EPLAN, plan.path + " was built by tensorrt " + plan.version +
                                   " and this machine has " + installed +
                                   "; build it here with: " + plan.rebuild};
    if (!device_fits(plan.device, major, device))
        return {FACEDGE_EPLAN, plan.path + " was built for " + plan.device +
                                   " and this device is " + device +
                                   "; build it here with: " + plan.rebuild};
    return {};
}

}  // namespace facedge::tensorrt
