# The two commands a newcomer needs: make demo, make test. All others: make help.
PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check

# Without compiled bytecode the first page takes three times as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-reset test bench bench-audit proof lint format install clean

help:
	@echo "make demo        run it here with synthetic data (PORT=8001 for another port)"
	@echo "make demo-reset  delete the demo's data"
	@echo "make test        run the tests on SQLite and, where it is installed, on PostgreSQL (ARGS='-k visit')"
	@echo "make bench       measure speed, as ratios within one run (ONLY=trail for scripts/bench_trail.py)"
	@echo "make bench-audit every table by every way to write, beside three audit libraries, in an environment of its own"
	@echo "make proof       the long proofs at their full size (ONLY=slots for scripts/proof_slots.py)"
	@echo "make lint        check style, settings and migrations"
	@echo "make format      put the code into the house format"
	@echo "make install     make the environment in .venv without starting anything"
	@echo "make clean       remove the environment and caches; the data in var stay"

demo: .venv/installed
	@exec $(PYTHON) manage.py demo $(if $(PORT),--port $(PORT)) $(if $(HOST),--host $(HOST))

demo-reset: .venv/installed
	@exec $(PYTHON) manage.py demo --reset

test: .venv/installed-dev
	@exec $(PYTHON) scripts/run_tests.py $(ARGS)

bench proof: .venv/installed-dev
	@for script in scripts/$@_$(or $(ONLY),*).py; do echo "== $$script"; $(PYTHON) $$script || exit 1; done

bench-audit: .venv/installed-dev
	@exec $(PYTHON) scripts/bench_audit.py

# A folder of its own, so that looking at the migrations never touches a running demo.
lint: .venv/installed-dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@VAR_DIR=.venv/lint $(PYTHON) manage.py check
	@VAR_DIR=.venv/lint $(PYTHON) manage.py makemigrations --check --dry-run

format: .venv/installed-dev
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

install: .venv/installed

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A missing or dangling interpreter counts as nothing installed.
NO_PYTHON := $(if $(wildcard $(PYTHON)),,no-python)
.PHONY: no-python
no-python:

.venv/installed: requirements.txt constraints.txt $(NO_PYTHON)
	@sh scripts/environment.sh
	@echo "Installing the packages of requirements.txt ..."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@echo "Installing the packages of requirements-dev.txt ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@
