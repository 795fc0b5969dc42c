# Fieldstock on one machine. `make` alone lists what there is.

# Debian's, which is compiled with a profile to go by: up to a third more messages a second than with what a version
# manager compiles without one (decision 0021). Another one: make PYTHON=python3.13 demo
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
VENV := .venv/bin
DEV := $(VENV)/python -m fieldstock_dev
PROTOS := $(shell find proto/fieldstock -name '*.proto')
DESCRIPTORS := build/fieldstock.binpb
# Nothing is installed to say that nothing runs.
WHEN_INSTALLED = if [ -x $(VENV)/python ]; then $(1); else echo "Nothing was ever started here. Start it: make demo"; fi

# Of each kind of fault, in `make soak`.
ROUNDS ?= 20

ifdef REPLICAS
export FIELDSTOCK_REPLICAS := $(REPLICAS)
endif
ifdef RECEIVERS
export FIELDSTOCK_RECEIVERS := $(RECEIVERS)
endif
ifdef GATEWAYS
export FIELDSTOCK_GATEWAYS := $(GATEWAYS)
endif

.DEFAULT_GOAL := help
.PHONY: help demo up down restart reset status logs test soak check bench pictures proto lock clean tools servers browser page

help: ## this list
	@echo "Fieldstock: what is in the field, what is in stock, in one system."
	@echo
	@sed -n 's/^\([a-z ]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name text; do \
		printf '  make %-9s %s\n' "$$name" "$$text"; done
	@echo
	@echo "FIELDSTOCK_PORT (8080) and FIELDSTOCK_HOME (.fieldstock) let two stacks run side by side."

demo: servers $(DESCRIPTORS) page ## start everything, with simulated devices
	@$(DEV) demo

up: servers $(DESCRIPTORS) page ## start everything, without devices; REPLICAS=2 GATEWAYS=2 RECEIVERS=1 for more processes
	@$(DEV) up

down: ## end what was started; the data stays
	@$(call WHEN_INSTALLED,$(DEV) down)

restart: ## end and start again what runs; SERVICE=auth for one
	@$(call WHEN_INSTALLED,$(DEV) restart $(SERVICE))

reset: ## end what was started and remove its data
	@$(call WHEN_INSTALLED,$(DEV) reset)

status: ## what runs
	@$(call WHEN_INSTALLED,$(DEV) status)

logs: ## follow the logs; SERVICE=auth for one
	@$(call WHEN_INSTALLED,$(DEV) logs $(SERVICE))

test: browser $(DESCRIPTORS) page ## run all tests on servers of their own; ARGS="-k deploy" for some
	@$(VENV)/python -m pytest $(ARGS)

soak: servers $(DESCRIPTORS) ## an hour or two of killing, pausing and cutting under load; ROUNDS=20 of each kind
	@FIELDSTOCK_SOAK_ROUNDS=$(ROUNDS) $(VENV)/python -m pytest -v --tb=native -m soak $(ARGS)

check: tools $(DESCRIPTORS) ## lint, types, contracts, stub drift, import rules
	@$(VENV)/ruff check
	@$(VENV)/ruff format --check
	@$(VENV)/basedpyright
	@$(VENV)/python proto/generate.py --check
	@$(VENV)/python -m fieldstock_dev.page check
	@$(VENV)/python -m pytest -q tests/architecture

bench: browser $(DESCRIPTORS) page ## measure, print a table, write bench/results/latest.json
	@$(VENV)/python -m bench $(ARGS)

pictures: browser $(DESCRIPTORS) page ## photograph the page for the README
	@$(DEV).pictures

proto: tools ## generate the stubs from the contracts
	@$(VENV)/python proto/generate.py

lock: tools ## pin the newest versions that fit, with their hashes
	@$(VENV)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header --no-emit-package fieldstock-proto --no-emit-package fieldstock-servicekit \
		--group pyproject.toml:dev --group pyproject.toml:bench --quiet -o requirements.lock $(wildcard */pyproject.toml)

clean: down ## remove what can be made again: the environment, fetched servers, caches
	rm -rf .venv build gateway/dashboard/node_modules .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what others stand on

tools:
	@$(PYTHON) dev/bootstrap.py --without-servers

servers:
	@$(PYTHON) dev/bootstrap.py

browser:
	@$(PYTHON) dev/bootstrap.py --with-browser

page: tools
	@$(DEV).page build

$(DESCRIPTORS): $(PROTOS) proto/generate.py | tools
	@$(VENV)/python proto/generate.py --descriptors $@
