// Writes a stateful super-resolution bundle for the fake back end, one inference in a thousand of
// which fails: make_fake_bundle FOLDER
#include "plugins/fake_bundle.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: make_fake_bundle FOLDER\n");
        return 2;
    }
    try {
        fake::write_bundle(argv[1], fake::super_resolution("fail_every=1000\n", 2));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "make_fake_bundle: %s\n", error.what());
        return 1;
    }
}
