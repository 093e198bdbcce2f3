# One environment in .venv serves every target. `make` alone says what there is.

PYTHON ?= python3
BIN := .venv/bin
ROUNDS ?= 16
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo run test check docs bench soak clean

help:  ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.installed  ## Kill a server half-way through a real job, and count what ran twice (under a minute)
	@$(BIN)/python -m workflows.demo

run: .venv/.installed  ## Start a server in the foreground, on http://127.0.0.1:8080; Ctrl-C stops it
	@exec $(BIN)/stepwell serve

test: .venv/.installed  ## Run all tests and print the branch coverage; fails under 90 %
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term --cov-fail-under=90 $(ARGS)

check: .venv/.installed  ## Check format, lint, types, and which module may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

docs: .venv/.installed  ## Write the tables of the guide that follow from the code: fields, settings, endpoints, commands
	@$(BIN)/python -m reference

bench: .venv/.installed  ## Measure how fast it is on this machine
	@$(BIN)/python -m benchmarks

soak: .venv/.installed  ## Kill servers with random seeds until stopped, or STEPWELL_SOAK_ROUNDS times; ROUNDS kills each
	@round=0; while [ "$$round" -lt "$${STEPWELL_SOAK_ROUNDS:-1000000}" ]; do \
		round=$$((round + 1)); seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); \
		echo "soak $$round: STEPWELL_SEED=$$seed STEPWELL_ROUNDS=$(ROUNDS)"; \
		STEPWELL_SEED=$$seed STEPWELL_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest -q tests/process $(ARGS) || exit 1; \
	done

clean:  ## Remove the environment and what tools left behind; data/ and sbom/ stay
	rm -rf .venv build dist *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Stepwell needs Python 3.11 or later; $(PYTHON) is older or missing. Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv (once; takes a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
