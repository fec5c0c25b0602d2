# What a person or CI asks for. Every target installs first, which takes no time when nothing changed.
VENV := .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm
CHECKPOINT := build/tiny-checkpoint
# Tests wait for other processes much of their time, so one more runs than there are cores.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
SOURCES := graftwork $(wildcard services/*/graftwork_*)

.PHONY: install demo test vllm test-vllm test-gpu check check-deploy check-images lint types imports proto contracts ablation format clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt scripts/install $(wildcard services/*/pyproject.toml)
	VENV=$(VENV) scripts/install
	@touch $@

demo: install
	@$(BIN)/graftwork demo

test: install $(VENV)/tools/versitygw
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

# The S3 server of the tests. Its first build takes minutes, which tests that run side by side would have to wait for.
$(VENV)/tools/versitygw: $(VENV)/.installed tests/support/s3.py
	VENV=$(VENV) scripts/with-go $(BIN)/python -m tests.support.s3
	@touch $@

# A real vLLM, and a checkpoint of the tiny model for it.
vllm: $(VLLM)/.installed $(CHECKPOINT)

$(VLLM)/.installed: constraints-vllm.txt scripts/install-vllm
	VENV=$(VLLM) scripts/install-vllm
	@touch $@

$(CHECKPOINT): | install $(VLLM)/.installed
	$(VLLM)/bin/python scripts/tiny_checkpoint.py \
		"$$($(BIN)/python -c 'from graftwork.local.model import find_weights; print(find_weights())')" $@

# One engine takes all cores and 3 GB, so these run one after the other.
test-vllm: install vllm
	$(BIN)/pytest -n 0 -m vllm

test-gpu: install vllm
	$(BIN)/pytest -n 0 -m gpu

check: lint types imports proto contracts

# What tests/deploy look at manifests with. The first build takes minutes: KEDA's types import half of Kubernetes.
TOOLS := build/tools
$(TOOLS)/.built: $(VENV)/.installed scripts/deploy-tools $(wildcard tools/deploy/go.* tools/deploy/*/*.go)
	VENV=$(VENV) scripts/with-go scripts/deploy-tools $(TOOLS)
	@touch $@

# The deployment files, as far as they can be checked without a cluster.
check-deploy: install $(TOOLS)/.built check-images
	$(BIN)/python scripts/deployment.py --check
	$(BIN)/pytest -n 0 -m deploy tests/deploy

check-images: install
	scripts/check-images

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
	rm -rf $(VENV) $(VLLM) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
