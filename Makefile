# Every task of this repository. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Compiled modules are kept, also where the environment says otherwise: every process of every test would compile again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

.PHONY: help
help: ## list these tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml protos/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name one: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e protos -e '.[dev]'
	@touch $@

.PHONY: setup
setup: $(STAMP) ## make .venv with the `clicktrail` command and all that the tests need

.PHONY: demo
demo: $(STAMP) ## bring everything up, send clicks and events, show the trail
	$(BIN)/clicktrail demo

DATA_DIR ?= var
HTTP_PORT ?= 8080
.PHONY: up
up: $(STAMP) ## run everything on this machine, data in var/, until interrupted
	$(BIN)/clicktrail up --data-dir $(DATA_DIR) --http-port $(HTTP_PORT)

# Tests wait half of their time, for disks, starts and the end of outages: hence more workers than cores.
WORKERS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
# They begin in the order that tests/conftest.py puts them in, not by the number of tests in a group.
PARALLEL = -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

.PHONY: test
test: $(STAMP) ## run all tests, against real servers, in parallel
	$(BIN)/python -m pytest $(PARALLEL)

.PHONY: test-fast
test-fast: $(STAMP) ## run what needs neither a store nor a browser: for the day's work
	$(BIN)/python -m pytest $(PARALLEL) -m 'not stores' tests/unit tests/integration

.PHONY: test-failed
test-failed: $(STAMP) ## run the tests that failed last once more, without others beside them
	$(BIN)/python -m pytest -n 1 --dist loadgroup --last-failed --last-failed-no-failures none

OTHER_VENV = $(VENV)-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
.PHONY: test-python
test-python: ## run the unit and integration tests on another Python (PYTHON=/path/to/python3.13)
	@$(MAKE) --no-print-directory VENV=$(OTHER_VENV) setup
	$(OTHER_VENV)/bin/python -m pytest $(PARALLEL) tests/unit tests/integration

.PHONY: check
check: lint types protos-lint protos-breaking protos-check ## everything that can be checked without running it

.PHONY: lint
lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(STAMP) ## let ruff and buf write the format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd protos && ../$(BIN)/buf format -w

.PHONY: types
types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

.PHONY: protos
protos: $(STAMP) ## write the stubs again
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/generate.py

protos/third_party: $(STAMP)
	@mkdir -p $@/google/api
	@$(BIN)/python -c "import shutil; from importlib.resources import files; [shutil.copy(str(files('google.api') / name), '$@/google/api/' + name) for name in ('annotations.proto', 'http.proto')]"
	@touch $@

.PHONY: protos-lint
protos-lint: protos/third_party ## buf: rules and format of the protos
	cd protos && ../$(BIN)/buf lint
	cd protos && ../$(BIN)/buf format --diff --exit-code --path clicktrail

.PHONY: protos-breaking
protos-breaking: protos/third_party ## buf: the protos against those of the last release, which services run beside
	$(BIN)/python -m tests.protos

.PHONY: protos-check
protos-check: protos ## the checked-in stubs are what the protos generate
	@git diff --exit-code --stat -- protos/gen || { echo "The stubs are out of step with the protos: commit what 'make protos' wrote."; exit 1; }

# Where stubs for other languages are written, and what Go's packages are imported by there.
OUT ?= build/stubs
GO_PREFIX ?= example.com/shop
define write-stubs
	cd protos && ../$(BIN)/buf generate --output '$(abspath $(OUT))' \
		--template "$$(sed 's|example.com/shop|$(GO_PREFIX)|' buf.gen.$(@:stubs-%=%).yaml)"
	@echo "The stubs are in $(OUT)/clicktrail."
endef

.PHONY: stubs-go
stubs-go: protos/third_party ## write stubs for Go (OUT=folder GO_PREFIX=example.com/shop, the import path of that folder)
	$(write-stubs)

.PHONY: stubs-typescript
stubs-typescript: protos/third_party ## write stubs for TypeScript (OUT=folder)
	$(write-stubs)

.PHONY: stubs-java
stubs-java: protos/third_party ## write stubs for Java (OUT=folder)
	$(write-stubs)

.PHONY: bench
bench: $(STAMP) ## measure, side by side with other ways to do it
	@$(BIN)/python -c 'import fastapi' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -e protos -e '.[bench]' || echo "FastAPI cannot be installed; it is left out."
	$(BIN)/python -m benchmarks $(BENCH)

WITH ?=
UPGRADE ?=
.PHONY: containers
containers: $(STAMP) ## run with real containers what operators are told (WITH=pgbouncer,…; WITH=all; UPGRADE=1)
	@PYTHON=$(BIN)/python tests/containers/run $(addprefix --with ,$(subst $(comma), ,$(WITH))) $(if $(UPGRADE),--upgrade)

comma := ,
LOCK := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.13 --generate-hashes --no-annotate \
	--no-emit-package clicktrail-protos --custom-compile-command 'make lock'
.PHONY: lock
lock: $(STAMP) ## look up again what the image installs, with hashes (LOCK_FLAGS=--upgrade takes what is newer)
	$(LOCK) $(LOCK_FLAGS) pyproject.toml --output-file deploy/requirements.lock
	$(LOCK) $(LOCK_FLAGS) deploy/build-requirements.in --output-file deploy/build-requirements.lock

TRACKER := gateway/tracker/tracker.js
ADAPTERS := gateway/tracker/adapters
# Writes minified, below the hash of all its sources, the script with what stands in these files put in at its mark.
define minify
	{ echo "// $$(cat $(TRACKER) $(2) | sha256sum | cut -d ' ' -f 1)" && \
		sed '/^  \/\/ ADAPTER$$/r /dev/stdin' $(TRACKER) < <(cat $(2) /dev/null) | \
		npx --yes terser@5.51.4 --compress passes=4,ecma=2021,unsafe_arrows --mangle; } > $(1)
endef
minify-adapter = $(call minify,$(ADAPTERS)/$(1).min.js,$(ADAPTERS)/shared.js $(ADAPTERS)/$(1).js)
.PHONY: script
script: ## write again what is served of the tracking script (needs npx; a test holds it to its source)
	$(call minify,$(TRACKER:.js=.min.js))
	$(call minify-adapter,shopify)
	$(call minify-adapter,tiendanube)
	$(call minify-adapter,vtex)
	$(call minify-adapter,woocommerce)

SEED ?= $(shell date +%s)
FSYNC ?= always
.PHONY: faults
faults: $(STAMP) ## kill everything under load for minutes, then draw the ledger (SEED=…, FSYNC=everysec)
	$(BIN)/python -m tests.faults --seed $(SEED) --fsync $(FSYNC)

SECONDS ?= 120
.PHONY: fuzz
fuzz: $(STAMP) ## send random bytes over HTTP and gRPC for minutes, beside what must not notice (SEED=…, SECONDS=…)
	$(BIN)/python -m tests.fuzz --seed $(SEED) --seconds $(SECONDS)

.PHONY: hostile
hostile: $(STAMP) ## measure what tenants notice of attackers, each alone and all at once, in turns with quiet minutes (twenty minutes)
	$(BIN)/python -m tests.hostile

.PHONY: clean
clean: ## remove what the other tasks made, but for data
	rm -rf $(VENV) $(VENV)-3.* .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info protos/third_party protos/*.egg-info
