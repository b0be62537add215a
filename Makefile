# `make report` and `make test` do everything on a fresh machine; the rest is for developers.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SCENARIO ?= iraq-2020
AS_OF ?=
BENCHMARKS ?= uncertain_tables dynamic ceiling sampling ledger stream first_table reporting backtest calibration

.PHONY: report test check slow postgres-test benchmarks format generated notebooks clean

report: $(READY)
	$(BIN)/forecast report $(SCENARIO) $(if $(AS_OF),--as-of $(AS_OF)) \
		-o reports/$(SCENARIO).html -o reports/$(SCENARIO).md

test: $(READY)
	$(BIN)/python -m tests.compile_loops
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

slow: $(READY)
	$(BIN)/python -m tests.compile_loops
	$(BIN)/python -m pytest -n auto --dist loadfile -m slow

postgres-test: $(READY)
	$(BIN)/python -m tests.compile_loops
	sh tests/with_postgres.sh $(BIN)/python -m pytest tests/evidence -m "postgres"

benchmarks: $(READY)
	for name in $(BENCHMARKS); do $(BIN)/python -W ignore -m tests.benchmarks.$$name || failed=1; done; \
		[ -z "$$failed" ]

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generated: $(READY)
	$(BIN)/python -m tests.generated

notebooks: $(READY)
	$(BIN)/python -m tests.execute_notebooks notebooks/*.ipynb

$(READY): pyproject.toml constraints.txt
	@python=$$(sh tests/find_python.sh) && echo "setting up $(VENV) with $$python" && \
		"$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]" -c constraints.txt
	@touch $(READY)

clean:
	rm -rf $(VENV) reports build dist
