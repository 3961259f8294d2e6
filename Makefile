# Everything anybody does here, one word each. Needs Python >= 3.11 and the package registry, nothing else.
# Paths are relative and modules are run with -m: a checkout may have spaces in its path, or be moved.

PYTHON := .venv/bin/python
PACKAGES := kit config models commerce wechat couriers miniprogram_api staff_api realtime jobs scripts benchmarks

# What the development lock installs contains what the other one does.
RUNTIME := $(if $(wildcard .venv/dev.stamp),.venv/dev.stamp,.venv/run.stamp)

.PHONY: run check test race e2e bench migrate seed fix clean

run: $(RUNTIME)
	@$(PYTHON) -m scripts.jishi run

migrate seed bench: $(RUNTIME)
	@$(PYTHON) -m scripts.jishi $@

check: .venv/dev.stamp
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy $(PACKAGES) server.py
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	$(PYTHON) -m vulture
	$(PYTHON) -m deptry .
	$(PYTHON) -m codespell_lib --ignore-words-list fulfilment,brin --skip ".venv,.data,.git,.*_cache,.hypothesis,*.lock,*.csv,*.json" .
	$(PYTHON) -m scripts.lint

test: .venv/dev.stamp
	$(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

race: .venv/dev.stamp
	$(PYTHON) -m pytest tests/races $(ARGS)

e2e: .venv/dev.stamp
	$(PYTHON) -m pytest tests/e2e $(ARGS)

fix: .venv/dev.stamp
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

# The data of a running shop lives in .data and is nobody's to clean.
clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name .data -prune -o -name __pycache__ -prune -exec rm -rf {} +

.venv/run.stamp: requirements.lock
	@sh scripts/install $<
	@touch $@

.venv/dev.stamp: requirements-dev.lock
	@sh scripts/install $<
	@touch $@
