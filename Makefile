# Everything a person or a machine does with this checkout. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One thread per library: workers and test processes bring their own parallelism.
export OMP_NUM_THREADS ?= 1
# Processes that share the tests. Each begins with half of them, in order, and takes over what the other has left, so
# nearly every module, with its fixtures and its kernels, stays in one process.
TEST_PROCESSES ?= 2
PARALLEL := -n $(TEST_PROCESSES) --dist worksteal
# What the native extension is built of: a change here is built by the next target that needs the environment.
NATIVE := setup.py $(wildcard src/tailrank/native/csrc/*)

.PHONY: help venv demo demo-funnel test test-all lint format types layers bench eight performance scalesim ci fresh slow paths sanitize clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## virtual environment in .venv with everything installed (free when up to date)

$(STAMP): pyproject.toml constraints.txt $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[torch,onnx,report,data,train,explore,dev]'
	touch $@

demo: $(STAMP) ## tune RMC1 on this machine: prints a table and writes runs/demo/report.html
	$(BIN)/tailrank tune rmc1 --quick --out runs/demo

demo-funnel: $(STAMP) ## train three small tiers on synthetic data and find the best funnel of them (a couple of minutes)
	$(BIN)/tailrank explore --data synthetic --quick --out runs/demo-funnel

test: $(STAMP) ## the tests, without those marked slow or gpu
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not gpu"

test-all: $(STAMP) ## every test this machine can run
	$(BIN)/python -m pytest

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

layers: $(STAMP) ## the import layers of docs/index.md
	$(BIN)/lint-imports

bench: $(STAMP) ## how fast Tailrank itself is; needs an otherwise idle machine
	for name in simulator tuner dispatcher allocator; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py; done

eight: $(STAMP) ## tune the eight networks (about twenty minutes) and write docs/eight-networks.md
	$(BIN)/python benchmarks/eight.py

performance: $(STAMP) ## time the executors beside their rivals (long; idle machine) and write docs/performance.md
	$(BIN)/python benchmarks/executors.py
	$(BIN)/python benchmarks/papers_way.py
	$(BIN)/python benchmarks/executors.py --write-docs

scalesim: ## the figures of SCALE-Sim 3.0.0 that the accelerator's array is tested against, anew (two minutes)
	$(PYTHON) -m venv $(VENV)/scalesim
	$(VENV)/scalesim/bin/python -m pip install --quiet 'scalesim==3.0.0' 'numpy<2' 'pandas<2.3'
	$(VENV)/scalesim/bin/python tests/accelerator/data/make_scalesim.py

ci: lint types layers fresh ## what must pass before a change goes in

fresh: ## clone HEAD to a temporary directory and do there what the README says
	bash .ci/fresh

slow: paths sanitize ## what must pass before a release, beside `make ci` (about ten minutes)

paths: $(STAMP) ## the native tests once for each instruction set of this processor, and once without the extension
	paths=$$($(BIN)/python -c 'from tailrank.native import paths; print(*paths(), "off")'); \
	for path in $$paths; do \
	  echo "== TAILRANK_NATIVE=$$path"; \
	  TAILRANK_NATIVE=$$path $(BIN)/python -m pytest $(PARALLEL) -m "not slow and not gpu" tests/native tests/models/native tests/engine; \
	done

sanitize: $(STAMP) ## the native tests under the address and undefined-behaviour sanitizers (g++; about seven minutes)
	bash .ci/sanitize

clean: ## remove the environment, caches and results
	rm -rf $(VENV) runs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +
	rm -f src/tailrank/native/*.so
