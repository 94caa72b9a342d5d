# The front door: `make demo` runs the main job, `make test` passes the tests; each sets up .venv first if need be.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Small cohorts, two cores: one thread per library, parallelism over processes.
PYTEST_ARGS ?= -n 2

.PHONY: demo test lint docs bench clean

demo: $(VENV)/.run
	$(BIN)/hybridrad demo --out demo_run

test: $(VENV)/.test
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m "not slow"

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/python -m mkdocs build --strict --site-dir site

bench: $(VENV)/.run
	$(BIN)/python benchmarks/main_path.py

KERNELS := CMakeLists.txt $(wildcard hybridrad/features/radiomics/_native/*)

$(VENV)/.run: pyproject.toml $(KERNELS)
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): some minutes the first time (PyTorch)."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --editable .
	touch $@

# PyRadiomics is what the tests compare with. It has no wheel and its metadata is incomplete: what it needs to build is
# installed first, by hand. scikit-image and trimesh are for its local binary patterns.
$(VENV)/.test: $(VENV)/.run
	$(PIP) numpy setuptools wheel versioneer cython
	$(PIP) --no-build-isolation pyradiomics==3.0.1
	$(PIP) --editable ".[test]"
	touch $@

$(VENV)/.lint: $(VENV)/.run
	$(PIP) --editable ".[lint]"
	touch $@

$(VENV)/.docs: $(VENV)/.run
	$(PIP) --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist site demo_run
