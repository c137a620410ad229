# make demo   opens natsmon on a cluster of nats-servers of its own
# make test   runs the tests
#
# Each target installs what it needs in .venv, with python3 or the newest installed Python from 3.11 on. Another Python:
# make test PYTHON=/path/to/python3. Arguments for the program behind a target: make test ARGS="-k dialer -x".

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SETUP = pyproject.toml constraints.txt .ci/venv
ARGS ?=
SERVER ?=
NATS_PY ?=

.DEFAULT_GOAL := help
.PHONY: help demo test soak chaos check coverage explore bench screenshots docs setup clean
.DELETE_ON_ERROR:

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: $(VENV)/.demo ## natsmon on a cluster of its own, with a menu of faults
	@$(BIN)/natsmon demo $(ARGS)

test: $(VENV)/.dev ## all tests, and on other Pythons those that may differ; SERVER=2.10.25, NATS_PY=2.11.0: with that release
	@MAKE="$(MAKE)" SERVER="$(SERVER)" NATS_PY="$(NATS_PY)" .ci/test $(VENV) $(ARGS)

soak: $(VENV)/.dev ## 600 faults on a cluster; the account of every message compared with witnesses
	@$(BIN)/python -m tests.soak $(ARGS)

chaos: $(VENV)/.dev ## random faults and commands for SECONDS=60, from a random or the given SEED
	@$(BIN)/python -m tests.chaos --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

check: $(VENV)/.dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/.dev ## the lines and branches of natsmon that no test executes
	@rm -rf .coverage && mkdir .coverage
	@$(BIN)/coverage run -m pytest -q --numprocesses=4 --dist=worksteal $(ARGS); tests=$$?; \
		$(BIN)/coverage combine -q && $(BIN)/coverage report; exit $$tests

explore: $(VENV)/.dev ## property tests with new examples for SECONDS=60, from a random or the given SEED
	@$(BIN)/python -m tests.harness.explore --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/.dev ## the measured figures beside their baselines
	@$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(VENV)/.dev ## take the pictures in screenshots/ from real runs
	@$(BIN)/python -m screenshots $(ARGS)

docs: $(VENV)/.docs ## the documentation site, in build/site
	@$(BIN)/python -m docs.reference
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo "build/site/index.html"

setup: $(VENV)/.dev ## .venv with all that the targets above need

clean: ## remove environments, caches and builds
	rm -rf $(VENV) .venv-3.* .nats-server .nats-py build dist *.egg-info snapshot_report.html
	rm -rf .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.demo: $(SETUP)
	@python=$$(.ci/pythons main $(PYTHON)) && .ci/venv $(VENV) "$$python"
	@touch $@

$(VENV)/.dev: $(SETUP)
	@python=$$(.ci/pythons main $(PYTHON)) && .ci/venv $(VENV) "$$python" dev
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/.dev
	@.ci/venv $(VENV) python3 dev,docs
	@touch $@

.venv-3.%/.dev: $(SETUP)
	@python=$$(.ci/pythons minor 3.$*) && .ci/venv .venv-3.$* "$$python" dev
	@touch $@
