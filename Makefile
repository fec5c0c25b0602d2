# What a person or CI asks for. Every target installs first, which takes no time when nothing changed.
VENV := .venv
BIN := $(VENV)/bin
SOURCES := graftwork $(wildcard services/*/graftwork_*)

.PHONY: install demo test check lint types imports proto contracts ablation format clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt scripts/install $(wildcard services/*/pyproject.toml)
	VENV=$(VENV) scripts/install
	@touch $@

demo: install
	@$(BIN)/graftwork demo

test: install
	$(BIN)/pytest -n auto --dist loadgroup

check: lint types imports proto contracts

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy $(SOURCES) tests examples

imports: install
	$(BIN)/lint-imports --no-logo

proto: install
	scripts/proto-check

contracts: install
	$(BIN)/python scripts/contracts.py --check

ablation: install
	$(BIN)/python -m tests.bench.ablation --write docs/ablation.md

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
