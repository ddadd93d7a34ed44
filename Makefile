# Penstock's front door for people who work on it. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
export UV_PYTHON_DOWNLOADS := never
# Where a container forbids it, each command that tests start would compile all that it imports: seconds of work.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format bench simulate test-clients fuzz-api clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/.ready ## A sandbox HubSpot replicated into an embedded PostgreSQL, twice (KEEP=1 leaves it running)
	@$(BIN)/penstock demo $(if $(KEEP),--keep)

test: .venv/.ready ## The whole test-suite
	$(BIN)/pytest --numprocesses auto --dist worksteal $(ARGS)

check: lint test ## What CI runs: format, lint, types, arrows, tests

lint: .venv/.ready ## Format, lint, types and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/.ready ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready ## Speed and memory, as ratios measured in one run
	$(BIN)/python -m tests.benchmarks $(ARGS)

simulate: .venv/.ready ## Random histories of HubSpot, faults and crashes, both sides compared (SEEDS=500)
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),500) --soak $(or $(SOAK),6) $(ARGS)

test-clients: .venv/.ready ## Public clients of Fivetran's REST API (Airflow, Dagster, Prefect), each in an environment of its own
	$(BIN)/pytest -m clients tests/clients $(ARGS)

fuzz-api: .venv/.ready ## Made-up requests for every call of the REST interface (EXAMPLES=100)
	FUZZ_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/pytest tests/fuzz $(ARGS)

clean: ## Remove the environment and caches
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

# The environment, made anew whenever the locked dependencies change.
.venv/.ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit("Penstock needs Python 3.11 or newer; say which with: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x "$(UV)" || { $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1'; }
	@$(UV) sync --quiet --locked --all-extras --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@
