# make engine   set up, build the default bundle, open its report's path
# make test     run the tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= bundles
STAMP := $(VENV)/.installed

.PHONY: help setup engine test test-slow lint format typecheck bench matrix clean

help:
	@echo "make engine     build fsr-student INT8 with its report into $(OUT)/ (sets everything up first)"
	@echo "make test       run the tests"
	@echo "make test-slow  run the slow tests: every model in every precision on every engine, memory, speed"
	@echo "make lint       ruff and mypy"
	@echo "make bench      latency of each precision on both CPU backends against plain export"
	@echo "make clean      remove everything that was made"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --editable '.[export,openvino,rtx,polygraphy,bench,dev]'
	@touch $@

setup: $(STAMP)

engine: setup
	$(BIN)/python export/build_engine.py --backend onnxruntime --backend openvino --backend tensorrt-rtx --out $(OUT)

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-slow: setup
	$(BIN)/python -m pytest -m slow

lint: setup typecheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The folders install as subpackages of facedge; mypy sees the same layout through links.
typecheck: setup
	@rm -rf .build/types && mkdir -p .build/types/facedge
	@ln -s $(CURDIR)/facedge/* .build/types/facedge/
	@for d in models export calibration runtime benchmarks training; do ln -s $(CURDIR)/$$d .build/types/facedge/$$d; done
	cd .build/types && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p facedge

bench: setup
	$(BIN)/python benchmarks/latency.py --out $(OUT)/benchmark

clean:
	rm -rf $(VENV) .build $(OUT) build *.egg-info
