# Everything below sets itself up: needs python3 (3.11 or newer, with venv) and make.

PYTHON ?= python3
UV := .venv/bin/uv
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo up test mutants chaos races check format bench clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# The locked environment; made again when the lock changes.
.venv/ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Coldgate needs Python 3.11 or newer; $(PYTHON) is older (set PYTHON=...)"; exit 2; }
	@test -x $(UV) || { echo "setting up .venv (once)"; $(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --require-hashes --requirement tools/uv.txt; }
	@$(UV) sync --quiet --frozen --inexact --all-extras
	@touch $@

demo: .venv/ready ## tell the whole story on this machine (ARGS=--exit ends it)
	@$(BIN)/coldgate demo $(ARGS)

up: .venv/ready ## run Coldgate on this machine until Ctrl-C
	@$(BIN)/coldgate up $(ARGS)

test: .venv/ready ## run every test that this machine can run, two at a time
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

mutants: .venv/ready ## plant mistakes in the judge and see the tests find every one
	@$(BIN)/python tools/mutants.py $(ARGS)

chaos: .venv/ready ## kill processes at random for minutes (COLDGATE_CHAOS_SEEDS repeats a round)
	@$(BIN)/python -m pytest tests/chaos/campaign.py -s $(ARGS)

RACES := tests/races/campaign.py tests/integration/api/gate/test_races.py \
	tests/integration/api/approvals/test_races.py tests/integration/api/standing/test_restrictions.py

races: export COLDGATE_RACE_ROUNDS ?= 300
races: .venv/ready ## race two api processes, round upon round (COLDGATE_RACE_ROUNDS, COLDGATE_RACE_SEED)
	@$(BIN)/python -m pytest --timeout 7200 -s $(RACES) $(ARGS)

check: .venv/ready ## formatting, lint, types, import contracts, style figures
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/check_style.py

format: .venv/ready ## format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: .venv/ready ## measure speed and memory, as ratios (writes benchmarks/results/)
	@$(UV) sync --quiet --frozen --inexact --all-extras --group bench
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove everything that was made here
	rm -rf .venv .demo .story .cache .coldgate .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
