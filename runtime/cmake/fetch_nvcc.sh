#!/bin/sh
# Prints the path of an nvcc that compiles for every GPU architecture named: the machine's, else the
# one in NVIDIA's wheels, which is put into a folder and needs no driver.
#
#     fetch_nvcc.sh PYTHON FOLDER ARCHITECTURE...
set -eu
python=$1 folder=$2
shift 2

knows() {
    list=$("$1" --list-gpu-arch 2>/dev/null) || return 1
    shift
    for architecture; do
        case "$list
" in *"compute_$architecture
"*) ;; *) return 1 ;; esac
    done
}

for nvcc in "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc \
    "$folder/nvidia/cu13/bin/nvcc"; do
    if [ -x "$nvcc" ] && knows "$nvcc" "$@"; then
        echo "$nvcc"
        exit 0
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$work/nvcc" \
    'nvidia-cuda-nvcc==13.0.*' 'nvidia-cuda-crt==13.0.*' 'nvidia-nvvm==13.0.*' \
    'nvidia-cuda-runtime==13.0.*' 'nvidia-cuda-cccl==13.0.*' >&2 || {
    echo "fetch_nvcc.sh: no nvcc here knows all of sm_$(echo "$*" | sed 's/ /, sm_/g'), and its" \
        "wheels cannot be installed: install CUDA 13.0 or later" >&2
    exit 1
}
mkdir -p "$(dirname "$folder")"
rm -rf "$folder"
mv "$work/nvcc" "$folder"
chmod +x "$folder"/nvidia/cu13/bin/* "$folder"/nvidia/cu13/nvvm/bin/*
echo "$folder/nvidia/cu13/bin/nvcc"
