# eduops: everything a person or the gate runs. `make` alone lists the verbs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Three share the least machine's two cores, for many tests wait: two break whole systems first, the other runs
# what is longest of the rest, each with servers of its own. tests/conftest.py says in which order.
WORKERS ?= 3
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
RUNTIME_STAMP := $(VENV)/.runtime-$(shell cat requirements/runtime.txt pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
DEV_STAMP := $(VENV)/.dev-$(shell cat requirements/dev.txt pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
# Python compiles what it imports when it does: compiling all that is installed takes longer than the rest.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The tests start hundreds of processes: each would compile the same modules if the environment forbids to keep them.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup run test faults laws check fix bench lock outdated browser env clean

help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t12

setup: $(DEV_STAMP) ## make .venv with everything for development

run: $(RUNTIME_STAMP) ## start the whole system; ARGS="--schools 200" and so on
	@$(BIN)/eduops up $(ARGS)

test: $(DEV_STAMP) browser ## run every test, several files side by side; ARGS="tests/unit -k word" for some
	@$(BIN)/python -m pytest -m "not slow" $(SIDE_BY_SIDE) $(or $(ARGS),tests)

faults: $(DEV_STAMP) ## break everything that one machine can break, live through a school year, and count what was lost
	@$(BIN)/python -m pytest tests/faults tests/cluster tests/integration/test_bus_mqtt.py tests/integration/test_school_year.py tests/integration/test_alertmanager_beside.py $(ARGS)

laws: $(DEV_STAMP) ## try every law and property with twenty times the examples of `make test`
	@EDUOPS_TEST_EXAMPLES=20 $(BIN)/python -m pytest -q -n auto --dist worksteal tests/laws tests/unit $(ARGS)

check: $(DEV_STAMP) ## format, lint, types, import rules, unit tests and laws: before every commit
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -n auto --dist worksteal tests/unit tests/laws $(ARGS)

fix: $(DEV_STAMP) ## format and repair what a tool can repair
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(RUNTIME_STAMP) ## measure this machine; ARGS="--load nation --seconds 60"
	@$(BIN)/eduops bench $(ARGS)

browser: $(DEV_STAMP) ## find or get a browser for the page tests
	@.ci/browser $(BIN)/python

lock: $(DEV_STAMP) ## pin and hash the requirements anew, as few changes as possible
	@$(PIP) install uv
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--quiet pyproject.toml requirements/build.in -o requirements/runtime.txt
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--quiet --extra dev --extra evaluate pyproject.toml requirements/build.in -o requirements/dev.txt

outdated: $(DEV_STAMP) ## what we build on of which there is something newer, by asking PyPI
	@$(BIN)/python -m pip --disable-pip-version-check list --outdated

ENV_FILE ?= .env
SECRETS_DIR ?= secrets
ROLES := ingest authoriser processor dashboard notifier simulator operator
BROKER_USERS := operator ingest ingest_log processor dashboard notifier simulator watchdog authoriser
# Others than their owner cannot enter the folder; in a container's mount another user than ours reads the file.
env: ## write generated passwords into secrets/ for docker compose; what is there stays, and what an older .env has
	@umask 022; mkdir -p -m 700 $(SECRETS_DIR); cd $(SECRETS_DIR); \
	keep() { [ -e "$$1" ] || { \
		value=$$(sed -n "s/^$$2=//p" $(abspath $(ENV_FILE)) 2>/dev/null | head -n 1); \
		printf '%s' "$${value:-$$3}" > "$$1"; }; }; \
	drawn() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }; \
	keep eduops POSTGRES_PASSWORD "$$(drawn)"; keep watchdog_url WATCHDOG_URL ""; \
	for role in $(ROLES); do keep eduops_$$role - "$$(drawn)"; done; \
	for user in $(BROKER_USERS); do name=NATS_$$(echo $$user | tr a-z A-Z)_PASSWORD; keep nats_$$user $$name "$$(drawn)"; \
		printf '%s: "%s"\n' $$name "$$(cat nats_$$user)"; done > passwords.new; mv passwords.new nats_passwords.conf

clean: ## remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "eduops needs Python 3.11 or later; name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "this Python cannot make virtual environments: install python3-venv (apt-get install python3-venv)" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME_STAMP): | $(BIN)/python
	@echo "installing what running needs; this happens once"
	@$(PIP) install --no-compile --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEV_STAMP): | $(BIN)/python
	@echo "installing what development needs"
	@$(PIP) install --no-compile --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.dev-* $(VENV)/.runtime-* && touch $@ $(RUNTIME_STAMP)
