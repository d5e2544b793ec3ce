# make engine   set up, build the default bundle, open its report's path
# make test     run the tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= bundles
STAMP := $(VENV)/.installed

.PHONY: help setup engine test lint format typecheck bench clean

help:
	@echo "make engine     build fsr-student INT8 with its report into $(OUT)/ (sets everything up first)"
	@echo "make test       run the tests"
	@echo "make lint       ruff and mypy"
	@echo "make bench      latency against the plain export, session overhead, calibration time and memory"
	@echo "make clean      remove everything that was made"

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
	$(BIN)/python -m pytest -n 2 --dist loadscope

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
	$(BIN)/python benchmarks/latency.py --bundles $(OUT) --out $(OUT)/benchmark
	$(BIN)/python benchmarks/session_overhead.py
	$(BIN)/python benchmarks/calibration.py

clean:
	rm -rf $(VENV) .build $(OUT) build *.egg-info
