#!/bin/sh
# Plays the conformance cases on an emulated 64-bit Arm with ONNX Runtime's own Arm build. PYTHON has
# the project's environment; the folder is the cross-build's. Python tests named are run with the
# emulated programs.
#
#     PYTHON=.venv/bin/python conformance_aarch64.sh build/aarch64-cross [TEST...]
set -eu
cd "$(dirname "$0")/../.."
build=$PWD/$1
shift
tests=$*
# The newest that runs under qemu 7.2 and the one that Python 3.10 on a Jetson gets.
version=1.23.2
wheel=.build/onnxruntime-aarch64
library=$PWD/$wheel/onnxruntime/capi/libonnxruntime.so.$version

if [ ! -f "$library" ]; then
    rm -rf "$wheel" "$wheel.part"
    "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps \
        --platform manylinux_2_27_aarch64 --only-binary=:all: --python-version 3.11 \
        --dest "$wheel.part" "onnxruntime==$version"
    "$PYTHON" -m zipfile -e "$wheel.part"/onnxruntime-*.whl "$wheel.part/unpacked"
    mv "$wheel.part/unpacked" "$wheel"
    rm -rf "$wheel.part"
fi

cases=.build/conformance
rm -rf "$cases"
set --
for bundle in bundles/fsr-student-int8 bundles/au-gcn-edge-int8; do
    [ ! -d "$bundle" ] || set -- "$@" --bundle "$bundle"
done
"$PYTHON" tests/native/conformance/make_cases.py "$cases" "$@"

export FACEDGE_NATIVE_BUILD="$build"
export FACEDGE_EMULATOR="qemu-aarch64 -L /usr/aarch64-linux-gnu"
export FACEDGE_ONNXRUNTIME="$library"
# Arm fuses multiply and add and rounds ties as they come: a grey level, and floats' last digits. In
# INT8 such a digit moves inner values by a step (fsr-student: 52 dB between Arm and x86).
$FACEDGE_EMULATOR "$build/tests/native/conformance/conformance" "$cases" --backend onnxruntime \
    --library "$library" --plugin-dir "$build/plugins" --tolerance 1 --float-tolerance 1e-4 \
    --psnr 48 --rounded-tolerance 0.05
# shellcheck disable=SC2086
[ -z "$tests" ] || "$PYTHON" -m pytest $tests
