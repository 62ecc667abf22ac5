# Batchly: every common task is one word. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first Python new enough; PYTHON=... on the command line is tried first.
PYTHON ?= python3
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
FOUND_PYTHON := $(shell for p in "$(PYTHON)" python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c "$(NEW_ENOUGH)" >/dev/null 2>&1 && { echo "$$p"; exit; }; done; echo "$(PYTHON)")
RUN := .venv/bin/python
PACKAGES := batchly ledger qbsync monitoring qbo_emulator standalone
ONCE ?=

.PHONY: help install demo test check format lock bench bench-emulator clean t-sim t-sim-one t-mutants

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

install: ## make .venv with everything in requirements.txt
	@$(FOUND_PYTHON) standalone/bootstrap.py

demo: install ## run all of Batchly with a pretend QuickBooks; ONCE=1 tells the story once and ends
	@exec $(RUN) -m standalone.demo $(if $(ONCE),--once)

test: check ## all checks, then all tests with the coverage of the sync
	$(RUN) -m pytest --cov=qbsync --cov-report=term:skip-covered

check: install ## style, types, and who may import whom
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy $(wildcard $(PACKAGES))
	@$(RUN) -c "from importlinter.cli import lint_imports_command as run; run()"

format: install ## rewrite the code in the agreed style
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

lock: install ## pin requirements.in to requirements.txt, with hashes
	$(RUN) -m pip install --quiet uv
	$(RUN) -m uv pip compile --universal --python-version 3.11 --generate-hashes requirements.in -o requirements.txt

bench: install ## run every benchmark in benchmarks/
	$(RUN) -m benchmarks

bench-emulator: install ## requests and megabytes a second of the emulator on one core
	$(RUN) -m benchmarks.emulator

N ?= 100000
SEED ?= 0
t-sim: install ## play N seeded histories of the sync on all cores; 0 violations expected
	$(RUN) -m tests.simulation run $(N) --start $(SEED)

t-sim-one: install ## replay the history of one SEED aloud; MUTANT="..." under a mutant
	@$(RUN) -m tests.simulation one $(SEED) $(if $(MUTANT),--mutant "$(MUTANT)")

.PHONY: t-shapes
t-shapes: install ## follow N documents of every shape between the sides, both ways, with a census; N=2000 is the long run
	SHAPES=$(if $(filter file default,$(origin N)),2000,$(N)) $(RUN) -m pytest tests/shapes -q

t-mutants: install ## take the rules of the sync away one by one; each must be noticed
	$(RUN) -m tests.simulation mutants

clean: ## remove the demo's data and everything generated; .venv stays
	@if [ -x $(RUN) ]; then $(RUN) -m standalone.clean; fi
	@rm -rf .local .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles

.PHONY: t-trinity t-trinity-one
TRINITY = $(if $(filter file,$(origin N)),300,$(N))
t-trinity: install ## play N=300 seeded histories of the real engine on PostgreSQL; 0 violations expected
	$(RUN) -m tests.trinity run $(TRINITY) --start $(SEED)

t-trinity-one: install ## replay the history of one SEED of t-trinity aloud; WITHOUT="..." with a rule taken away
	@$(RUN) -m tests.trinity one $(SEED) $(if $(WITHOUT),--without "$(WITHOUT)")

.PHONY: t-kill
CASES ?= all
ONLY ?=
KILL_SECONDS ?= 36000
t-kill: install ## kill workers at every failpoint; CASES=ci for a few, ONLY=words, KILL_SECONDS=300 for a sample
	@KILL_CASES=$(CASES) KILL_ONLY="$(ONLY)" KILL_SECONDS=$(KILL_SECONDS) $(RUN) -m pytest tests/kill -q
