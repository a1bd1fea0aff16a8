# Everything is set up by the targets themselves, into .venv, from hashed requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: demo test lint types imports bench lock clean

demo: $(VENV)/.run  ## Run the whole pipeline on sample data and show a gold table
	$(BIN)/dataops source generate --if-missing
	$(BIN)/dataops run
	$(BIN)/dataops sql "select order_date, total_orders, net_revenue, revenue_7d_avg, online_revenue_pct from gold.gld_sales_summary order by order_date desc limit 7"

# Not the files with the most tests first: the longest have two.
test: $(VENV)/.dev  ## Run the tests
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint airflow/Dockerfile dbt/Dockerfile

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/pipeline.py
	$(BIN)/python benchmarks/stack.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/airflow.py
	$(BIN)/python benchmarks/deploy.py
	$(BIN)/python benchmarks/health.py
	$(BIN)/python benchmarks/workflows.py

# Newer versions within the ranges of pyproject.toml, with their hashes and without index lines.
COMPILE := $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header
lock: $(VENV)/.dev
	$(COMPILE) --no-strip-extras --extra ci --extra dev --output-file requirements/dev.txt pyproject.toml requirements/build.in
	$(COMPILE) --no-strip-extras --extra ci --constraint requirements/dev.txt --output-file requirements/ci.txt pyproject.toml
	$(COMPILE) --no-strip-extras --constraint requirements/dev.txt --output-file requirements/run.txt pyproject.toml
	$(COMPILE) --no-strip-extras --constraint requirements/dev.txt --output-file requirements/build.txt requirements/build.in
	$(COMPILE) --strip-extras --constraint requirements/run.txt --output-file dbt/requirements.txt dbt/requirements.in
	$(COMPILE) --strip-extras --output-file airflow/requirements.txt airflow/requirements.in

clean:
	rm -rf $(VENV) .dataops dist

$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@
