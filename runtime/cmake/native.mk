# Targets of the native runtime; the Makefile includes this file. Each says which Debian packages are
# missing. Variables:
#   NATIVE_FLAGS   more options for CMake, such as -DFACEDGE_ONNXRUNTIME=OFF
#   JOBS           compilers and tests at once
#   CTEST_FLAGS    more options for ctest, such as -R stream
#   NATIVE_TESTS   Python tests that the sanitizers' and Arm's programs are put through; may be empty
#   FUZZ_SECONDS   of each fuzz target
#   SOAK_SECONDS   of the soak test; without it 10^6 submits, however long they take
NATIVE_FLAGS ?=
JOBS ?= $(shell nproc)
CTEST_FLAGS ?=
NATIVE_TESTS ?= tests/native
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?=
CUDA_ARCHITECTURES ?= 75 80 86 87 89 90 110 120

NEED := runtime/cmake/need.sh
CLANG ?= $(shell $(NEED) --clang)
MAKEFLAGS += --no-print-directory
ABSOLUTE_BIN := $(CURDIR)/$(BIN)

.PHONY: native native-headers test-native native-asan native-tsan native-valgrind native-fuzz \
  native-soak native-aarch64 native-cuda native-deb native-short

native-headers:
	@$(NEED) native cmake g++
	@mkdir -p .build
	@runtime/cmake/fetch_headers.sh --missing

# $(call build,PRESET,OPTIONS,TARGETS): OpenVINO's headers come from its wheel; without the environment that
# back end is left out.
define build
	@openvino=$$(ls -d $(CURDIR)/$(VENV)/lib/python3*/site-packages/openvino/include 2>/dev/null | head -n 1); \
	if [ -n "$$openvino" ]; then set -- -DFACEDGE_OPENVINO=ON -DFACEDGE_OPENVINO_INCLUDE_DIR=$$openvino; \
	else echo "no OpenVINO wheel in $(VENV) ('make setup' installs it): its back end is left out"; \
	  set -- -DFACEDGE_OPENVINO=OFF; fi; \
	cmake --preset $(1) "$$@" $(2) $(NATIVE_FLAGS) >.build/configure-$(1).log 2>&1 || \
	  { cat .build/configure-$(1).log; exit 1; }; \
	sed -n '/^CMake Warning/,/^$$/p' .build/configure-$(1).log
	cmake --build --preset $(1) --parallel $(JOBS) $(3:%=--target %)
endef

native: native-headers
	$(call build,host)

test-native: setup
	$(MAKE) native
	ctest --preset host --parallel $(JOBS)
	$(BIN)/python -m pytest tests/native

# $(call programs,PRESET): the C++ tests, then the programs that Python tests run. Those that load
# libfacedge into Python skip a sanitized one.
define programs
	ctest --preset $(1) --parallel $(JOBS) $(CTEST_FLAGS)
	$(if $(NATIVE_TESTS),FACEDGE_NATIVE_BUILD=build/$(1) $(BIN)/python -m pytest $(NATIVE_TESTS))
endef

native-asan: setup native-headers
	$(call build,host-asan)
	$(call programs,host-asan)

native-tsan: setup native-headers
	$(call build,host-tsan)
	$(call programs,host-tsan)

native-valgrind: native-headers
	@$(NEED) $@ valgrind
	$(call build,host-valgrind)
	ctest --preset host-valgrind --parallel $(JOBS) $(CTEST_FLAGS)

FUZZ_COMPILER = -DFACEDGE_OPENVINO=OFF -DCMAKE_C_COMPILER=$(CLANG) \
  -DCMAKE_CXX_COMPILER=$(subst clang,clang++,$(CLANG))
FUZZ_TARGETS = $(shell sed -n 's/^facedge_fuzz.\([a-z_]*\).*/fuzz_\1/p' tests/native/fuzz/CMakeLists.txt)
native-fuzz: native-headers
	@$(NEED) $@ clang libFuzzer
	$(call build,host-fuzz,$(FUZZ_COMPILER),$(FUZZ_TARGETS))
	runtime/cmake/fuzz.sh build/host-fuzz/tests/native/fuzz $(FUZZ_SECONDS) $(JOBS)

# With a back end that only moves bytes, so that a million submits take minutes.
SOAK := build/host/tests/native
native-soak: native
	$(SOAK)/soak/make_fake_bundle .build/soak
	$(SOAK)/soak/facedge-soak .build/soak --plugin-dir $(SOAK)/plugins/fake \
	  $(if $(SOAK_SECONDS),--seconds $(SOAK_SECONDS),--submits 1000000)

# Cross-built; the cases are made here with the Python runtime and played by an emulated Arm.
native-aarch64: setup
	@$(NEED) $@ aarch64-linux-gnu-g++ qemu-aarch64
	@runtime/cmake/fetch_headers.sh
	$(MAKE) native
	$(call build,aarch64-cross,-DFACEDGE_OPENVINO=OFF)
	ctest --preset aarch64-cross --parallel $(JOBS) $(CTEST_FLAGS)
	PYTHON=$(ABSOLUTE_BIN)/python runtime/cmake/conformance_aarch64.sh build/aarch64-cross $(NATIVE_TESTS)

native-cuda: setup
	@$(NEED) $@ g++
	runtime/cmake/compile_cuda.sh $(ABSOLUTE_BIN)/python $(CUDA_ARCHITECTURES)

native-deb: native-headers
	@$(NEED) $@ dpkg-deb dpkg-shlibdeps pkg-config
	$(call build,deb)
	cd build/deb && rm -rf packages && cpack -G DEB
	runtime/cmake/check_deb.sh build/deb/packages

# All of these in a few minutes, for continuous integration: what is slow under an instrument is left
# to the targets themselves.
LEAN := NATIVE_TESTS= NATIVE_FLAGS="-DFACEDGE_TOOLS=OFF -DFACEDGE_EXAMPLES=OFF"
native-short: setup
	$(MAKE) native-cuda
	$(MAKE) native-deb
	$(MAKE) native-soak SOAK_SECONDS=120
	$(MAKE) native-fuzz FUZZ_SECONDS=20
	$(MAKE) native-asan NATIVE_TESTS=tests/native/test_backends.py
	$(MAKE) native-tsan $(LEAN) CTEST_FLAGS="-E image"
	$(MAKE) native-valgrind $(LEAN) CTEST_FLAGS="-E image"
	$(MAKE) native-aarch64 $(LEAN) CTEST_FLAGS="-E image"

# The public headers are aligned by hand.
C_SOURCES = $(shell find runtime tests/native \( -name '*.[ch]' -o -name '*.[ch]pp' -o -name '*.cu' \
  -o -name '*.cuh' -o -name '*.inl' \) -not -path 'runtime/include/*')
CLANG_FORMAT ?= $(shell for f in clang-format-14 clang-format clang-format-15 clang-format-16 \
  clang-format-17 clang-format-18 clang-format-19; do command -v $$f && break; done)

lint-native:
ifeq ($(CLANG_FORMAT),)
	@echo "no clang-format here (apt-get install clang-format): the layout of C and C++ is not checked"
else
	$(CLANG_FORMAT) --dry-run -Werror $(C_SOURCES)
endif

format-native:
ifeq ($(CLANG_FORMAT),)
	@echo "no clang-format here (apt-get install clang-format): C and C++ stay as they are"
else
	$(CLANG_FORMAT) -i $(C_SOURCES)
endif
