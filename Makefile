# `make help` lists the targets. Everything runs from .venv, which the targets create.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 5005
SIMULATOR_PORT ?= 5006
REV ?= fe256ed
export PORT SIMULATOR_PORT
# Most targets start many Python processes. Without stored bytecode each of them compiles the whole code again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install run demo demo-day test soak bench bench-quick bench-full bench-against bench-lock lint format lock migrate clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.made requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

install: .venv/.dev ## create .venv with everything for running, testing and linting

run: .venv/.runtime ## simulator on 5006 and service on 5005, with tokens and curl lines; Ctrl-C stops everything
	@$(BIN)/python -m devtools run

demo: .venv/.runtime ## one payment, its refunds and the order service, step by step; LOST=20 DOUBLED=30 adds faults
	@$(BIN)/python -m devtools demo

demo-day: .venv/.runtime ## a shop's whole day of payments with faults, compared with the ledger (about six minutes)
	@$(BIN)/python -m devtools demo-day

# Three processes for two cores: some tests wait.
test: .venv/.dev ## every test, on SQLite and on a real PostgreSQL, with the coverage gates
	@$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder --cov --cov-report=
	@$(BIN)/python -m tests.coverage_gates

soak: .venv/.dev ## the reliability tests at full size (about half an hour); updates docs/reliability.md
	@$(BIN)/python -m tests.battery.report

bench: .venv/.dev ## measure against floors and peers (a quarter of an hour); updates docs/performance.md
	@$(BIN)/python -W ignore -m benchmarks --page

bench-quick: .venv/.dev ## the same with little data, within two minutes
	@$(BIN)/python -W ignore -m benchmarks --size quick

bench-full: .venv/.dev ## the same with ten million payments (over half an hour, 25 GB of disk)
	@$(BIN)/python -W ignore -m benchmarks --size full

bench-against: .venv/.dev ## compare with commit REV, both side by side (REV=fe256ed); updates docs/performance.md
	@$(BIN)/python -W ignore -m benchmarks --against $(REV) --page

bench-lock: .venv/.dev ## update the lock file of the peers
	$(BIN)/uv pip compile benchmarks/peers.in --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
		-o benchmarks/peers.lock -q

lint: .venv/.dev ## ruff, mypy --strict, import contracts, and the prose of pages and code
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/codespell .
	@$(BIN)/python -m devtools.prose

format: .venv/.dev ## let ruff fix what it can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

migrate: .venv/.runtime ## alembic upgrade head on DATABASE_URL
	@$(BIN)/alembic upgrade head

lock: .venv/.dev ## update both lock files from setup.cfg
	$(BIN)/uv pip compile setup.cfg --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras --upgrade \
		--extra postgres --extra redis --extra simulator -o requirements.lock -q
	$(BIN)/uv pip compile setup.cfg --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras --upgrade \
		--all-extras -c requirements.lock -o requirements-dev.lock -q

clean: ## remove .venv, caches and the local run's files
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage* var build *.egg-info
