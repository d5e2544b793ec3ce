/* A library that says it is a version of ONNX Runtime from before the plug-in's oldest. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static const void *get_api(uint32_t version) {
    (void)version;
    abort(); /* the real one prints; the plug-in must not come this far */
}

static const char *get_version_string(void) { return "1.10.0"; }

struct base {
    const void *(*get_api)(uint32_t version);
    const char *(*get_version_string)(void);
};

__attribute__((visibility("default"))) const struct base *OrtGetApiBase(void) {
    static const struct base base = {get_api, get_version_string};
    return &base;
}
