# make engine   set up, build the default bundle, open its report's path
# make test     build the native runtime, run the tests
# make help     everything else
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= bundles
STAMP := $(VENV)/.installed
PEERS := $(VENV)/.peers

.PHONY: help setup engine test test-peers lint format format-native lint-native typecheck bench clean

help:
	@echo "make engine          build fsr-student INT8 with its report into $(OUT)/ (sets everything up first)"
	@echo "make test            build the native runtime and run all tests"
	@echo "make lint            ruff, mypy and clang-format"
	@echo "make format          ruff and clang-format, in place"
	@echo "make test-peers      runs what is compared with: installs NNCF and ncnn first"
	@echo "make bench           facedge against torch, ONNX Runtime, OpenVINO, NNCF and ncnn; overhead; calibration"
	@echo "make native          build libfacedge, its back ends, tools, examples and tests into build/host"
	@echo "make test-native     the native runtime's tests alone (part of make test)"
	@echo "make native-asan     the same with AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make native-tsan     the C++ tests with ThreadSanitizer"
	@echo "make native-valgrind the C++ tests under valgrind"
	@echo "make native-fuzz     fuzz targets, FUZZ_SECONDS=600 each"
	@echo "make native-soak     a million submits (or SOAK_SECONDS=...) without growth of memory"
	@echo "make native-aarch64  cross-build; conformance on an emulated 64-bit Arm"
	@echo "make native-cuda     compile every CUDA source for sm_75 ... sm_120"
	@echo "make native-deb      Debian packages in build/deb/packages"
	@echo "make native-short    the last eight in short form, as continuous integration runs them"
	@echo "make clean           remove everything that was made"

include runtime/cmake/native.mk

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --editable '.[export,openvino,rtx,polygraphy,training,bench,dev]'
	@touch $@

setup: $(STAMP)

engine: setup
	$(BIN)/python export/build_engine.py --backend onnxruntime --backend openvino --backend tensorrt-rtx --out $(OUT)

test: setup
	$(MAKE) native
	ctest --preset host --parallel $(JOBS)
	$(BIN)/python -m pytest -n 2 --dist loadscope

lint: setup typecheck lint-native
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup format-native
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The folders install as subpackages of facedge; mypy sees the same layout through links.
typecheck: setup
	@rm -rf .build/types && mkdir -p .build/types/facedge
	@ln -s $(CURDIR)/facedge/* .build/types/facedge/
	@for d in models export calibration runtime benchmarks training; do ln -s $(CURDIR)/$$d .build/types/facedge/$$d; done
	cd .build/types && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p facedge

# What facedge is measured against; without it the result names them as missing.
$(PEERS): $(STAMP)
	-$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[peers]' && touch $@

# test_peers.py skips what is not installed; here all of it is.
test-peers: setup $(PEERS)
	$(BIN)/python -m pytest tests/benchmarks/test_peers.py

bench: setup $(PEERS)
	$(BIN)/python benchmarks/latency.py --bundles $(OUT) --out $(OUT)/benchmark
	$(BIN)/python benchmarks/session_overhead.py
	$(BIN)/python benchmarks/calibration.py

clean:
	rm -rf $(VENV) .build $(OUT) build *.egg-info
