#!/bin/sh
# Compiles every CUDA source for every GPU architecture named; warnings are errors.
#
#     compile_cuda.sh PYTHON ARCHITECTURE...
set -eu
cd "$(dirname "$0")/../.."
python=$1
shift
nvcc=$(runtime/cmake/fetch_nvcc.sh "$python" .build/nvcc "$@") || exit 1
sources=$(find runtime tests/native -name '*.cu')
if [ -z "$sources" ]; then
    echo "compile_cuda.sh: no .cu file under runtime; expected the kernels" >&2
    exit 1
fi

# On GPU code -Wall and -Wextra speak of nvcc's own stubs; nvcc's warnings are those about kernels.
targets=
for architecture; do
    targets="$targets -gencode arch=compute_$architecture,code=sm_$architecture"
done
mkdir -p .build/cuda
for source in $sources; do
    # shellcheck disable=SC2086
    "$nvcc" -std=c++17 -O3 --threads 0 -Werror all-warnings -Xcompiler -Wall,-Werror \
        -Iruntime/include -Iruntime/src -Iruntime $targets -c "$source" \
        -o .build/cuda/"$(basename "$source")".o
    echo "$source compiles for sm_$(echo "$*" | sed 's/ /, sm_/g')"
done
