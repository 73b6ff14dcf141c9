# Two commands matter: `make run` and `make test`. Everything they need is installed into .venv from pinned hashes.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

PYTHON := $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --no-deps

.PHONY: help prerequisites install install-dev run test test-quick bench evidence check lock clean

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

prerequisites:
	@missing=""
	command -v git >/dev/null || missing="$$missing git"
	command -v curl >/dev/null || missing="$$missing curl"
	python="$(PYTHON)"
	if [ -z "$$python" ] || ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then missing="$$missing python3-venv"; fi
	ldconfig=$$(command -v ldconfig || echo /sbin/ldconfig)
	"$$ldconfig" -p 2>/dev/null | grep 'libgomp\.so\.1' >/dev/null || missing="$$missing libgomp1"
	if [ -n "$$missing" ]; then
	  echo "Missing on this machine:$$missing. Install it with:  sudo apt-get install -y$$missing" >&2
	  exit 2
	fi
	if ! "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
	  echo "Varhain needs Python 3.11; Debian 12 has it as python3. Install it with:  sudo apt-get install -y python3.11 python3.11-venv" >&2
	  exit 2
	fi

$(BIN)/python:
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/installed-run: requirements.txt pyproject.toml | prerequisites $(BIN)/python
	@echo "Installing Varhain into $(VENV) (pinned by hash; once, some minutes) ..."
	$(INSTALL) --require-hashes -r requirements.txt
	$(INSTALL) --no-build-isolation -e .
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed-run
	@echo "Installing what the tests need ..."
	$(INSTALL) --require-hashes -r requirements-dev.txt
	touch $@

install: prerequisites $(VENV)/installed-run ## Install what running needs
install-dev: prerequisites $(VENV)/installed-dev ## Install what the tests need as well

run: install ## Make the demonstration model of the area and serve it on 127.0.0.1:8000
	@exec $(BIN)/varhain up

test: install-dev ## All tests
	@$(BIN)/pytest

test-quick: install-dev ## The quick part of the tests
	@$(BIN)/pytest -m "not slow"

check: install-dev ## Style and types
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy features model_registry service

bench: install-dev ## Measure; prints the table that docs/benchmarks.md keeps
	@$(BIN)/python -m tests.bench

evidence: install ## Ten populations against their ceilings, five for the committee (half an hour); writes docs/evidence-*.md
	@$(BIN)/varhain evidence seeds --seeds 10 --people 100000
	$(BIN)/varhain evidence committee --seeds 5 --people 100000

lock: install-dev ## Resolve the dependencies anew into hash-pinned requirements (needs uv)
	@uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.txt
	uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.txt

clean: ## Remove the demonstration data, models and database (var/)
	@rm -rf var
