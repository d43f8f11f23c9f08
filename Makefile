# `make serve` and `make test` each do all their own set-up, in a private .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Without byte code each of the hundred processes of the tests would compile the program again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
CHROMIUM ?= /usr/bin/chromium
FUZZ_EXAMPLES ?= 2000
# Coverage takes half as much time again, so it is left to .ci/run.
COVERAGE ?=
PARALLEL := -n auto --maxprocesses 8 --dist worksteal
FAST := $(addprefix tests/,domain query formats web store/db store/read api/routes)
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet
# The files of pins are complete. Without --no-deps pip would look for what they name with extras, and take the newest.
PINNED := $(PIP) --no-deps --require-hashes -r
CHECK := $(PY) -m pip --disable-pip-version-check check
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: help
help: ## Show this list
	@echo "Conflict Incidents. Needs Python 3.11 or newer (PYTHON=... picks one); everything else goes into $(VENV)."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(VENV)/.installed ## Make .venv with the command .venv/bin/incidents
	@echo "$(BIN)/incidents"

.PHONY: serve
serve: $(VENV)/.installed ## Set up, migrate, seed when empty, and serve
	@$(PY) -m app serve

.PHONY: test
test: lint ## Set up; lint, types, import rules, and every test that needs no browser (COVERAGE=--cov reports it)
	$(PY) -m pytest $(PARALLEL) --durations 20 $(COVERAGE)

.PHONY: test-fast
test-fast: $(VENV)/.installed-dev ## A part of the tests that takes under a minute, while you work
	$(PY) -m pytest $(PARALLEL) -m "not slow" $(FAST)

.PHONY: lint
lint: $(VENV)/.installed-dev ## Lint, types and import rules alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.installed-dev ## Put the code into its one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: test-browser
test-browser: $(VENV)/.installed-browser ## Drive the pages in Chromium (CHROMIUM=... says where it is)
	@test -x "$(CHROMIUM)" || { echo "No Chromium at $(CHROMIUM): apt-get install chromium, or set CHROMIUM." >&2; exit 1; }
	CHROMIUM="$(CHROMIUM)" $(PY) -m pytest -m browser tests/browser

.PHONY: test-clients
test-clients: $(VENV)/.installed-clients $(VENV)/npm/.installed ## Read the service with GDAL, QGIS, TypeScript, polars and others, as far as they are installed
	CHROMIUM="$(CHROMIUM)" $(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal -m clients tests/clients

.PHONY: test-faults
test-faults: $(VENV)/.installed-dev ## Kill it, fill it, attack it, write from many sides: nothing is lost, nobody else is held up (a quarter of an hour)
	$(PY) -m pytest -m faults -o faulthandler_timeout=900 -s tests/faults

.PHONY: bench
bench: $(VENV)/.installed-bench ## Measure against the reference servers (BENCH="--only write": a part)
	$(PY) -m tests.benchmarks $(BENCH)

.PHONY: fuzz
fuzz: $(VENV)/.installed-dev ## The long fuzz run (FUZZ_EXAMPLES=... per operation)
	FUZZ_EXAMPLES="$(FUZZ_EXAMPLES)" $(PY) -m pytest -m fuzz tests/fuzz

.PHONY: docs
docs: $(VENV)/.installed-dev ## Fill the parts of docs/ that are generated from the code
	$(PY) -m tests.docs

.PHONY: picture
picture: $(VENV)/.installed-dev ## Make docs/images/incident.png again, with Chromium
	CHROMIUM="$(CHROMIUM)" $(PY) -m tests.docs.picture

.PHONY: openapi
openapi: $(VENV)/.installed ## Print the OpenAPI document
	@$(PY) -m app openapi

.PHONY: lint-openapi
lint-openapi: $(VENV)/.installed ## Lint the OpenAPI document with redocly and spectral (needs Node.js with npm)
	$(PY) -m tests.clients.openapi_linters

.PHONY: relock
relock: $(VENV)/.made ## Pin the newest releases of everything in requirements*.txt (review, then run the tests)
	@$(PIP) uv
	$(LOCK) --group build --group test --output-file requirements-dev.txt
	$(LOCK) --group build --constraint requirements-dev.txt --output-file requirements.txt
	$(LOCK) --group build --group test --group browser --constraint requirements-dev.txt --output-file requirements-browser.txt
	$(LOCK) --group build --group test --group bench --constraint requirements-dev.txt --output-file requirements-bench.txt
	$(LOCK) --group build --group test --group browser --group clients --constraint requirements-browser.txt --output-file requirements-clients.txt

.PHONY: clean
clean: ## Remove .venv, caches and build results, never a database
	rm -rf $(VENV) build dist .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find app migrations seeds tests -type d -name __pycache__ -prune -exec rm -rf {} +

# The stamps say what was installed, and are older than the files that ask for something else.

$(VENV)/.made:
	@"$(PYTHON)" -c '' 2>/dev/null || { echo "No $(PYTHON) found: install Python 3.11 or newer, or say PYTHON=/path/to/python3." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$("$(PYTHON)" --version 2>&1) is too old: Python 3.11 or newer is needed; say PYTHON=/path/to/python3." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" --version 2>&1)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/.made
	@echo "Installing requirements.txt into $(VENV)"
	@$(PINNED) requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(CHECK)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing requirements-dev.txt into $(VENV)"
	@$(PINNED) requirements-dev.txt
	@$(CHECK)
	@touch $@

$(VENV)/.installed-browser: requirements-browser.txt $(VENV)/.installed-dev
	@echo "Installing requirements-browser.txt into $(VENV)"
	@$(PINNED) requirements-browser.txt
	@$(CHECK)
	@touch $@

$(VENV)/.installed-clients: requirements-clients.txt $(VENV)/.installed-browser
	@echo "Installing requirements-clients.txt into $(VENV)"
	@$(PINNED) requirements-clients.txt
	@$(CHECK)
	@touch $@

$(VENV)/.installed-bench: requirements-bench.txt $(VENV)/.installed-dev
	@echo "Installing requirements-bench.txt into $(VENV)"
	@$(PINNED) requirements-bench.txt
	@$(CHECK)
	@touch $@

# Without npm, or without a way to its registry, there is no stamp, and the test of TypeScript says that it is left out.
$(VENV)/npm/.installed: tests/clients/typescript/package.json | $(VENV)/.made
	@mkdir -p $(@D) && cp $< $(@D)
	@if npm install --prefix $(@D) --no-package-lock --no-audit --no-fund --loglevel=error >&2; then touch $@; else echo "Not installed: $<" >&2; fi
