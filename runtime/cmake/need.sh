#!/bin/sh
# Says which Debian packages bring the tools that are missing.
#
#     need.sh TARGET TOOL...      one sentence and exit 1 when a tool of `make TARGET` is missing
#     need.sh --packages TOOL...  the packages of the missing tools, for apt-get install
#     need.sh --clang             the name of the newest clang, or nothing
set -eu
target=$1
shift

package_of() {
    case $1 in
        clang) echo clang ;;
        libFuzzer) echo "libclang-rt-${clang_major:-14}-dev" ;;
        aarch64-linux-gnu-g++) echo g++-aarch64-linux-gnu ;;
        dpkg-deb) echo dpkg ;;
        qemu-aarch64) echo qemu-user ;;
        dpkg-shlibdeps) echo dpkg-dev ;;
        readelf) echo binutils ;;
        nvcc) echo nvidia-cuda-toolkit ;;
        *) echo "$1" ;;
    esac
}

clang=
for name in clang clang-21 clang-20 clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
    command -v "$name" >/dev/null && clang=$name && break
done
clang_major=
[ -z "$clang" ] || clang_major=$($clang -dumpversion | cut -d. -f1)

if [ "$target" = --clang ]; then
    echo "$clang"
    exit 0
fi

present() {
    case $1 in
        clang) [ -n "$clang" ] ;;
        libFuzzer)
            [ -n "$clang" ] && ls "$($clang -print-resource-dir)"/lib/*/libclang_rt.fuzzer*.a \
                >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

tools=""
packages=""
for tool; do
    present "$tool" && continue
    tools="$tools $tool"
    packages="$packages $(package_of "$tool")"
done
if [ "$target" = --packages ]; then
    echo $packages
elif [ -n "$tools" ]; then
    echo "make $target needs$tools: apt-get install$packages" >&2
    exit 1
fi
