// What getopt_long refused, as a sentence.
#pragma once

#include <getopt.h>

#include <string>

namespace facedge {

// After getopt_long gave '?': a known option with a value too many, or an unknown one, of which it
// tells the letter, or nothing of the `word`.
inline std::string refused_option(const option* known, const std::string& program,
                                  const std::string& word) {
    for (; known->name; ++known) {
        if (optopt != 0 && known->val == optopt)
            return std::string("--") + known->name + " takes no value";
    }
    const std::string shown = optopt ? std::string("-") + static_cast<char>(optopt) : word;
    return shown + " is no option of " + program;
}

}  // namespace facedge
