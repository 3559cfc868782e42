# Every target works on a fresh machine without root; the virtual environment is made on first use.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest

# Hundreds of tests start processes of their own, and each would compile the program again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve test cover check lint types contracts docs audit bench verify lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/pip: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "VFR needs Python 3.11; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --upgrade pip
	@touch $@

.venv/run: .venv/pip pyproject.toml
	$(PIP) install --quiet --constraint constraints.txt --build-constraint constraints.txt --editable .
	@touch $@

.venv/dev: .venv/run
	$(PIP) install --quiet --constraint constraints.txt --build-constraint constraints.txt --editable '.[lstm,cluster]' --group dev
	@touch $@

serve: .venv/run ## prepare the bundled data, train the starter models, serve http://127.0.0.1:8000
	$(BIN)/vfr serve $(ARGS)

test: .venv/dev ## the test suite, but for the long suites of `make verify`
	$(PYTEST) --numprocesses 2 --dist loadscope $(ARGS)

cover: .venv/dev ## the test suite with coverage; fails below 85 %
	$(PYTEST) --numprocesses 2 --dist loadscope --cov=vfr --cov-report=term $(ARGS)

check: test lint types contracts docs ## what CI runs

lint: .venv/dev ## style, banned calls, formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev ## mypy --strict
	$(BIN)/mypy

contracts: .venv/dev ## who may import whom
	$(BIN)/lint-imports

docs: .venv/dev ## the documentation, into docs/_build/html; every warning is an error
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --builder html docs docs/_build/html

audit: .venv/dev ## known vulnerabilities of pinned dependencies; skips where advisories cannot be reached
	.ci/audit

bench: .venv/dev ## measure speed beside the peers; JSON on standard output
	$(BIN)/python -m benchmarks.run $(ARGS)

verify: .venv/dev ## the long suites: evidence, load, soak, live, and properties on four times as many examples
	$(PYTEST) -m "evidence or load or soak or live or hypothesis" --hypothesis-profile thorough --numprocesses 0 $(ARGS)

lock: ## rewrite constraints.txt from the newest releases that resolve together
	rm -rf .venv && $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --upgrade pip setuptools
	$(PIP) install --quiet --editable '.[cluster,lstm,mlflow,postgres,s3]' --group dev
	$(PIP) freeze --all --exclude-editable | sed 's/+.*//' | grep -vi '^torch==' > constraints.txt
	echo 'torch==2.13.0' >> constraints.txt

clean: ## remove what the targets made
	rm -rf .venv docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
