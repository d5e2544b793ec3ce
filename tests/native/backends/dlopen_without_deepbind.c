/* For programs built with a sanitizer: its dlopen refuses RTLD_DEEPBIND, with which OpenVINO's TBB
 * opens an optional part of its own. This one comes before it and leaves the flag out. */
#define _GNU_SOURCE
#include <dlfcn.h>

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode) {
    void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    return next(file, mode & ~RTLD_DEEPBIND);
}
