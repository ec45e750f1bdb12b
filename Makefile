# The single entry point; CI runs the same targets (.ci/run). Every target makes what it needs first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# PYTHON=python3.12 chooses; otherwise the first of these that the locks were made for. Looked for once: `?=` would look
# at each use, and each make below this one again.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
PYTHON := $(or $(PYTHON),python3)
endif
export PYTHON
VENV ?= .venv
PY := $(VENV)/bin/python
LOCKS := requirements.txt requirements-dev.txt
# Keyed by what is installed and by which Python: a changed lock or interpreter installs again, a touched file does not
KEY := $(shell { cat $(LOCKS) requirements-uv.txt include/local/install.py; $(PYTHON) -V; } 2>/dev/null | cksum | cut -d' ' -f1)
STAMP := $(VENV)/.installed-$(KEY)

# make demo
APPROVE ?=
SPEED ?= 60
WAVE ?= include/waves/demo.json
# make demo, make up: the UI's port; empty = 8080, or a free one when that is taken
PORT ?=

PORT_OPTION := $(if $(PORT),--port $(PORT))

.PHONY: help install demo up down test test-again test-quick test-fast test-sandbox test-scenarios \
  test-scenarios-admins test-scenarios-users simulate soak replay proofs mutation check bench constraints lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## the virtual environment with the locked packages (every target below does it by itself)

$(STAMP):
	@$(PYTHON) include/local/install.py $(VENV) $(LOCKS)
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: $(STAMP) ## a whole wave on the sandbox, live; APPROVE=me leaves the approvals to you; SPEED, WAVE, PORT
	@$(PY) -m include.local demo --wave $(WAVE) --speed $(SPEED) --approve $(or $(APPROVE),auto) $(PORT_OPTION)

up: $(STAMP) ## the sandbox and Airflow in the background; prints the address of the UI; SPEED, PORT
	@$(PY) -m include.local up --speed $(SPEED) $(PORT_OPTION)

down: $(STAMP) ## stops what `make up` started
	@$(PY) -m include.local down

# What no sandbox is started for runs on all processors. The rest runs in groups, a process each: moto's state is global
# in a process, and a sandbox that lives as long as pytest runs would be seen by the next folder's. `others` takes what
# no group names, so that a new folder is never left out.
# the longest first, so that no processor is idle at the end
GROUPS := runbook steps backup others contract aws
PATHS_steps := tests/wave
# the operators' sandboxes end with their modules, the runbook's with the pytest run: it comes last
PATHS_runbook := tests/operators tests/runbook --ignore=tests/runbook/backup
PATHS_contract := tests/contract
PATHS_backup := tests/runbook/backup
# beside no sandbox: names of buckets are global, and a stack makes the sandbox's own
PATHS_aws := tests/aws tests/ledger
PATHS_others := tests $(foreach path,$(filter tests/%,$(foreach group,$(filter-out others,$(GROUPS)),$(PATHS_$(group)))),\
  --ignore=$(path)) --ignore=tests/scenarios

# $(call PYTEST,name of its cache,arguments): pytest answers 1 when tests failed; everything else (crash, no tests, wrong
# usage) is no test's failure. Each process has a cache of its own, as each writes what it knows over what is there.
PYTEST = $(PY) -m pytest --durations=15 -o cache_dir=.pytest_cache/$(1) $(2) || { code=$$?; \
  [ $$code -le 1 ] || { mkdir -p .pytest_cache; touch .pytest_cache/crashed; }; exit $$code; }

test: $(STAMP) ## every test: the fast ones first, then the scenarios on a real Airflow
	@rm -rf .pytest_cache; rc=0; \
	$(MAKE) --no-print-directory test-fast || rc=$$?; \
	$(MAKE) --no-print-directory test-scenarios || rc=$$?; \
	exit $$rc

test-again: $(STAMP) ## what failed in `make test`, once more; fails when something crashed
	@ls .pytest_cache/*/v/cache/lastfailed && [ ! -e .pytest_cache/crashed ]
	@rc=0; for cache in .pytest_cache/*/v/cache/lastfailed; do \
	  $(PY) -m pytest -o cache_dir=$${cache%/v/*} --last-failed --last-failed-no-failures none tests || rc=$$?; \
	done; exit $$rc

test-quick: $(STAMP) ## the tests that start no sandbox, on all processors: the loop while writing code
	@$(call PYTEST,quick,-q -m "not sandbox" -n auto --dist loadfile)

# Lines that name $(MAKE) are executed by `make -n` too, so nothing else stands in them.
test-fast: $(STAMP) ## the tests that need no Airflow scheduler: test-quick with more schedules, then test-sandbox
	@rc=0; \
	SIMULATION_SCALE=5 $(MAKE) --no-print-directory test-quick || rc=$$?; \
	$(MAKE) --no-print-directory test-sandbox || rc=$$?; \
	exit $$rc

test-sandbox: $(STAMP) ## the tests that start the sandbox, a process per group, two at a time
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(GROUPS:%=test-sandbox-%)

$(GROUPS:%=test-sandbox-%): test-sandbox-%: $(STAMP)
	@echo "== $*"; $(call PYTEST,$*,-q -m sandbox $(PATHS_$*))

# Two stacks side by side: one where everybody is an administrator, one with users. Mostly they wait.
WITH_USERS := tests/scenarios/test_forged_approvals.py
PATHS_admins := tests/scenarios --ignore=$(WITH_USERS)
PATHS_users := $(WITH_USERS)

test-scenarios: $(STAMP) ## whole waves on a real Airflow and the sandbox
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target test-scenarios-admins test-scenarios-users

test-scenarios-admins test-scenarios-users: test-scenarios-%: $(STAMP)
	@echo "== scenarios: $*"; $(call PYTEST,scenarios-$*,$(PATHS_$*))

proofs: $(STAMP) ## the proofs by generated cases, all of them: 100,000 server records, up to 100,000 confs
	@PROOFS=full $(PY) -m pytest -q -s tests/proofs

mutation: $(STAMP) ## changes permission, gates, once-only, ledger and signing, to see the fast tests fail; MODULES, WORKERS
	@$(PY) -m tests.mutation $(MODULES)

check: $(STAMP) ## what CI checks before the tests: ruff, formatting, types, every DAG imports and serialises
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m include.local check-dags

# How many schedules: seeds from SEED on, and every placement of up to DEPTH faults. SHARD=1/4 plays a quarter of them;
# STATE=file notes what is done, so that the next run goes on from there; PROCESSES, when not all processors.
SCHEDULES ?= 200
DEPTH ?= 1
SEED ?=
SHARD ?=
STATE ?=
PROCESSES ?=
CAMPAIGN := $(PY) -m include.simulation $(if $(SEED),--seed $(SEED)) $(if $(SHARD),--shard $(SHARD)) \
  $(if $(PROCESSES),--processes $(PROCESSES))

simulate: $(STAMP) ## waves on virtual time, thousands of faults: SCHEDULES, DEPTH, SEED, SHARD, STATE; see docs/simulation.md
	@$(CAMPAIGN) --schedules $(SCHEDULES) --depth $(DEPTH) $(if $(STATE),--state $(STATE))

soak: $(STAMP) ## a million seeds and every placement of three faults, for hours; stopped, it goes on where it was: SHARD
	@$(CAMPAIGN) --schedules $(if $(filter file,$(origin SCHEDULES)),1000000,$(SCHEDULES)) \
	  --depth $(if $(filter file,$(origin DEPTH)),3,$(DEPTH)) --state $(or $(STATE),.soak$(if $(SHARD),-$(subst /,-of-,$(SHARD))))

replay: $(STAMP) ## one schedule again with every event: SEED=…
	@$(PY) -m include.simulation --seed $(or $(SEED),$(error SEED=… names the schedule to replay))

bench: $(STAMP) ## the benchmarks, as tables; nothing is asserted on time
	@$(PY) -m tests.benchmarks

# When Airflow's release named below was uploaded to PyPI; both change together with requirements.in
AIRFLOW_RELEASE := 3.3.2
AIRFLOW_RELEASED := 2026-09-17T12:00:00Z
CONSTRAINTS := constraints/airflow-$(AIRFLOW_RELEASE).txt
# the constraints without what deviates
HELD := awk -F== 'NR == FNR { if (!/^\#/) out[$$1]; next } !($$1 in out)'
COMPILE := $(VENV)/bin/uv pip compile --universal --python-version 3.11 --no-header
# Hashes of every file of a release, of all platforms: what is installed are the bytes that were locked
LOCK := $(COMPILE) --generate-hashes

constraints: $(STAMP) ## writes constraints/: the versions with which this Airflow was released
	{ cat constraints/about.txt; \
	  grep -v '^moto' requirements.in | $(COMPILE) --quiet --no-annotate --exclude-newer $(AIRFLOW_RELEASED) -; \
	} > $(CONSTRAINTS).new
	mv $(CONSTRAINTS).new $(CONSTRAINTS)

lock: $(STAMP) ## compiles requirements*.txt, with hashes, from the .in files, within constraints/
	@$(VENV)/bin/uv --version >/dev/null
	$(HELD) constraints/deviations.txt $(CONSTRAINTS) | \
	  $(LOCK) $(UPGRADE) -c - -c constraints/deviations.txt requirements.in -o requirements.txt
	$(LOCK) $(UPGRADE) requirements-dev.in -o requirements-dev.txt
	$(LOCK) $(UPGRADE) requirements-uv.in -o requirements-uv.txt

clean: ## removes the virtual environment, local state and caches (stops `make up` first)
	@if [ -x $(PY) ] && [ -d .airflow ]; then $(PY) -m include.local down; fi
	rm -rf $(VENV) .airflow .sandbox .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
