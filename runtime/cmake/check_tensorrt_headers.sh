#!/bin/sh
# Compiles the TensorRT back end against TensorRT's headers of any number of versions, warnings as
# errors. Links and runs nothing.
#
#     check_tensorrt_headers.sh FOLDER...
#
# Each FOLDER has NvInferRuntime.h, or an include/ that has it. CXX is the compiler (g++ unless set;
# aarch64-linux-gnu-g++ checks for Jetson), CUDA_HOME the CUDA toolkit whose headers TensorRT's
# include (/usr/local/cuda, or the newest /usr/local/cuda-* unless set).
set -eu

fail() {
    echo "check_tensorrt_headers.sh: $1" >&2
    exit 1
}

[ $# -gt 0 ] || fail "name one or more folders with NvInferRuntime.h"
root=$(cd "$(dirname "$0")/../.." && pwd)
cxx=${CXX:-g++}

cuda=
for folder in ${CUDA_HOME:-} /usr/local/cuda $(ls -d /usr/local/cuda-* 2>/dev/null | sort -rV); do
    if [ -z "$cuda" ] && [ -f "$folder/include/cuda.h" ]; then cuda=$folder/include; fi
done
[ -n "$cuda" ] || fail "cuda.h was not found; set CUDA_HOME to a CUDA toolkit"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for folder in "$@"; do
    headers=$folder
    [ -f "$headers/NvInferRuntime.h" ] || headers=$folder/include
    [ -f "$headers/NvInferRuntime.h" ] || fail "$folder has no NvInferRuntime.h"
    version=$(printf '#include <NvInferVersion.h>\n%s.%s.%s\n' \
        NV_TENSORRT_MAJOR NV_TENSORRT_MINOR NV_TENSORRT_PATCH |
        "$cxx" -E -P -I"$headers" -x c++ - | tail -n 1 | tr -d ' ')
    files=0
    for kernels in -UFACEDGE_HAS_KERNELS -DFACEDGE_HAS_KERNELS; do
        for source in "$root"/runtime/src/cuda/*.cpp "$root"/runtime/plugins/tensorrt/*.cpp; do
            "$cxx" -std=c++17 -O2 -fPIC -Wall -Wextra -Wshadow -Wvla -Wnon-virtual-dtor -Werror \
                -DFACEDGE_BUILDING -DFACEDGE_PLUGIN "$kernels" \
                -I"$root/runtime/include" -I"$root/runtime/src" -I"$root/runtime/kernels" \
                -isystem "$headers" -isystem "$cuda" -c "$source" -o "$out/object.o" ||
                fail "$source does not compile against TensorRT $version"
            files=$((files + 1))
        done
    done
    echo "TensorRT $version: $files compilations, no warning ($("$cxx" --version | head -n 1))"
done
