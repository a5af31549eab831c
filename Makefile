# make play | test | check | bench | clean | help
#   ARGS         options of what is run:    make play ARGS="--seconds 20"
#   TORCH_INDEX  a package index with CPU-only builds of torch:
#                make play TORCH_INDEX=https://download.pytorch.org/whl/cpu
#   PYTHON       the Python to build .venv with (3.11 or newer)

# 3.11 first: the versions in constraints.txt were tested with it. A name may exist and not run (pyenv), so each is tried.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
TORCH_INDEX ?=
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: play test check format lint types rooms bench clean help
.DEFAULT_GOAL := help

play: .venv/.installed ## Play the first patch: prompts become music that you can steer
	@$(BIN)/graphflow play patches/01-first-light.toml $(ARGS)

test: .venv/.installed-dev ## Run the tests, in two processes (ARGS goes to pytest; -n 0: in one)
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: format lint types rooms ## Format, lint, types, and who may import whom; make -k check shows all there is

format: .venv/.installed-dev
	$(BIN)/ruff format --check .

lint: .venv/.installed-dev
	$(BIN)/ruff check .

types: .venv/.installed-dev
	$(BIN)/mypy

rooms: .venv/.installed-dev
	$(BIN)/lint-imports

bench: .venv/.installed-dev ## Measure the engine; ARGS="--help" shows what there is
	@$(BIN)/python bench/engine.py $(ARGS)

clean: ## Remove .venv and everything that was built
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This help
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile

# Said before anything is fetched. 300 MB: the wheels of constraints.txt with a CPU build of torch (192 MB), measured on
# Linux x86-64 with Python 3.11; macOS has no CUDA packages and is not measured.
ifeq ($(shell uname -s)$(TORCH_INDEX),Linux)
FETCH := about 300 MB where the package index offers a CPU build of torch, else several GB, because torch then \
	brings CUDA; for the CPU build: make play TORCH_INDEX=https://download.pytorch.org/whl/cpu
else
FETCH := about 300 MB
endif

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; install one, or name it: make play PYTHON=/path/to/python3"; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing graphflow into .venv; pip fetches $(FETCH)"
	@$(PIP) --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed
	@echo "installing what tests and checks need into .venv; pip fetches about 35 MB more"
	@$(PIP) --quiet --editable ".[dev]"
	@touch $@
