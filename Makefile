# Two commands matter: `make run` and `make test`. Nothing but make, git and a
# Python >= 3.11 is needed; everything else lands in .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
PY := .venv/bin/python
STAMP := .venv/.installed

# Made-up traffic of `make run` on an empty landing root.
SAMPLE_DAYS := 30
SAMPLE_CASES_PER_DAY := 100
SAMPLE_SEED := 1

export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# a third of a short command's time would go to compiling what it imports
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup lock run backfill refresh nightly rollback resume cases export trace rejects replay-rejects forget audit-queue dev lint format \
	snowflake-setup snowflake-prove check-adapter diff docs dashboard report test clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) profiles.yml  ## install into .venv what requirements.lock names
	@if [ profiles.example.yml -nt profiles.yml ] \
	   && ! cmp -s profiles.example.yml profiles.yml; then \
	  echo "profiles.example.yml is newer than profiles.yml: take over what changed," \
	       "then: touch profiles.yml" >&2; \
	fi

$(STAMP): requirements.lock Makefile
	@find_python() { \
	  for name in "$${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do \
	    if [ -n "$$name" ] && "$$name" -c 'import sys, venv, ensurepip; \
	assert sys.version_info >= (3, 11)' 2>/dev/null; then \
	      echo "$$name"; return; \
	    fi; \
	  done; \
	  echo "No Python >= 3.11 with venv found. Install one (Debian: python3-venv)" \
	       "or name it: make setup PYTHON=/path/to/python3" >&2; return 1; }; \
	if ! $(PY) -c '' 2>/dev/null; then \
	  python=$$(find_python); \
	  rm -rf .venv; \
	  echo "Making .venv with $$("$$python" --version)"; \
	  "$$python" -m venv .venv; \
	fi; \
	if $(PY) -m pip install --quiet --disable-pip-version-check \
	     uv==$(UV_VERSION) \
	   && $(PY) -m uv pip install --quiet --system-certs --no-deps \
	     --python $(PY) -r requirements.lock; then :; else \
	  echo "uv could not install the lock; trying pip, which takes longer" >&2; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps \
	    -r requirements.lock; \
	fi; \
	touch $(STAMP)

profiles.yml:
	@cp profiles.example.yml profiles.yml

lock:  ## compile requirements.lock from requirements.in
	@$(PY) -m uv pip compile requirements.in --universal --python-version 3.11 \
	  --override uv-overrides.txt --no-emit-index-url --no-annotate --no-header \
	  --quiet -o requirements.lock > /dev/null

run: setup  ## sample data if nothing has landed, refresh, KPIs on the terminal
	@$(PY) -m orchestration sample --days $(SAMPLE_DAYS) \
	  --cases-per-day $(SAMPLE_CASES_PER_DAY) --seed $(SAMPLE_SEED)
	@$(PY) -m orchestration refresh
	@$(PY) -m orchestration report

backfill: setup  ## rebuild a window: make backfill FROM=2026-05-01 TO=2026-05-07
	@$(PY) -m orchestration backfill "$(FROM)" "$(TO)"

refresh: setup  ## load what is new, build, test, publish
	@$(PY) -m orchestration refresh

nightly: setup  ## as refresh, with the slow and unit tests and the record of what was said
	@$(PY) -m orchestration nightly

rollback: setup  ## readers get the publication before, or: make rollback TO=<id>
	@$(PY) -m orchestration rollback $(if $(TO),"$(TO)")

resume: setup  ## end a rollback: refresh and publish
	@$(PY) -m orchestration resume

cases: setup  ## what is behind an alert or failed test: make cases OF=<key or name>
	@$(PY) -m orchestration cases $(if $(OF),"$(OF)")

export: setup  ## a published mart as CSV, safe for spreadsheets: MART=<name>
	@$(PY) -m orchestration export "$(MART)"

trace: setup  ## where a record went: make trace OF=<its id>, or OF=<file>:<line>
	@$(PY) -m orchestration trace "$(OF)"

rejects: setup  ## rejected records as a file to be mended: make rejects FEED=<feed>
	@$(PY) -m orchestration rejects "$(FEED)"

replay-rejects: setup  ## read rejected records again, after a fix: [FEED=<feed>]
	@$(PY) -m orchestration replay-rejects $(if $(FEED),"$(FEED)")

forget: setup  ## remove a customer from all that is kept: make forget CUSTOMER=<id>
	@$(PY) -m orchestration forget "$(CUSTOMER)"

audit-queue: setup  ## the cases drawn for audits, as CSV and JSON lines
	@$(PY) -m orchestration audit-queue

dev: setup  ## Dagster's UI and daemon, on this machine only
	@$(PY) -m orchestration dev

dashboard: setup  ## the boards on what is published, on this machine only
	@$(PY) -m dashboards serve

report: setup  ## every board in one HTML file: make report FILTERS='period=4w&tier=tier_1'
	@$(PY) -m dashboards report --filters "$(FILTERS)"

lint: setup  ## Ruff and sqlfluff
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m sqlfluff lint --processes 2 --disable-progress-bar models tests

format: setup  ## let Ruff and sqlfluff mend what they can
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(PY) -m sqlfluff fix --disable-progress-bar models tests

snowflake-setup: setup  ## print the script that sets a Snowflake account up
	@$(PY) -m orchestration snowflake-setup

snowflake-prove: setup  ## print the script that shows what only a real account can
	@$(PY) -m orchestration snowflake-prove

diff: setup  ## what moved in the marts since a revision: make diff BASE=main
	@$(PY) -m orchestration diff "$(BASE)"

check-adapter: setup  ## try an adapter on samples: FEED=<feed> FILES="<file> ..."
	@$(PY) -m orchestration check-adapter "$(FEED)" $(FILES) \
	  --silent $(or $(SILENT),0) --rejected $(or $(REJECTED),0)

docs: setup  ## dbt's documentation and the lineage of every column, as HTML files
	@$(PY) -m orchestration docs

test: setup  ## lint, the strict parse, then every test
	@$(MAKE) lint
	@$(PY) -m orchestration parse
	@$(PY) -m pytest --numprocesses logical --maxprocesses 4 --dist loadgroup \
	  --no-loadscope-reorder

.PHONY: parity
parity: setup  ## DuckDB and Snowflake's test server: every unit test, a month's rows
	@$(PY) -m tests.snowflake.parity --days $(SAMPLE_DAYS) \
	  --cases-per-day $(SAMPLE_CASES_PER_DAY)
	@ACSR_EVERY_UNIT_TEST=1 $(PY) -m pytest tests/snowflake/test_build.py

.PHONY: real-logs
real-logs: setup  ## docs/real-logs.md anew, from the real data beside the checkout
	@$(PY) -m tests.real_data.page

.PHONY: screenshots first-board
screenshots: setup  ## docs/images anew, of the made-up sample that is published here
	@$(PY) -m tests.dashboards.screenshots

first-board: setup  ## seconds from a fresh clone to the first board
	@$(PY) -m benchmarks.first_board

.PHONY: bench soak replay-hash
bench: setup  ## the pipeline beside the floor, at 10 M events; takes minutes and 20 GB
	@$(PY) -m benchmarks

soak: setup  ## 200 sequences of loads, every rule broken, then all campaigns in full; hours
	@ACSR_INVARIANT_CASES=200 ACSR_INVARIANT_SHRINK=1 $(PY) -m pytest \
	  tests/invariant tests/invariant/soak_a_broken_rule_is_seen.py
	@ACSR_ALERT_KILLS=300 $(PY) -m pytest -s tests/alerting/test_each_fault_is_told_once.py
	@$(PY) -m tests.campaigns

.PHONY: mutants
mutants: setup  ## every slip in the rule-bearing SQL: does a unit test see it? takes minutes
	@$(PY) -m tests.mutants

replay-hash: setup  ## the hash over all marts of a fixed sample, built in two ways
	@$(PY) -m orchestration.replay --days $(SAMPLE_DAYS) \
	  --cases-per-day $(SAMPLE_CASES_PER_DAY) --seed $(SAMPLE_SEED)

clean:  ## remove what is computed; landed files and .venv stay
	@rm -rf .acsr target logs .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
