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

.PHONY: help venv demo test test-all lint format types layers bench eight ci fresh clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## virtual environment in .venv with everything installed (free when up to date)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[torch,onnx,report,dev]'
	touch $@

demo: $(STAMP) ## tune RMC1 on this machine: prints a table and writes runs/demo/report.html
	$(BIN)/tailrank tune rmc1 --quick --out runs/demo

test: $(STAMP) ## the tests, without those marked slow or gpu
	$(BIN)/python -m pytest -m "not slow and not gpu"

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

ci: lint types layers fresh ## what must pass before a change goes in

fresh: ## clone HEAD to a temporary directory and do there what the README says
	bash .ci/fresh

clean: ## remove the environment, caches and results
	rm -rf $(VENV) runs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +
