# Everything a contributor runs. `make` alone lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The targets share one environment and one terminal: -j would only interleave their output.
.NOTPARALLEL:
.PHONY: help install demo test check lint format clean browser docs gallery bench

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The interpreter that .venv is made with; the newest of these that runs and can make environments.
PYTHON ?=
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3
# More arguments for pytest: make test ARGS="-k layers".
ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(STAMP) ## Make .venv and fill it with limbeck, its tools and the tested versions of both

demo: $(STAMP) ## Study a small data set by three methods, and end with the path of its page
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(STAMP) browser ## Run every test and every example in the documentation
	@$(BIN)/python -m pytest $(ARGS)

browser: ## Install Chromium, which the tests of the report drive, where apt-get may; without it they are skipped
	@if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        echo "Installing Chromium, for the tests of the report"; \
	        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 \
	            || echo "Chromium could not be installed: the tests of the report in a browser are skipped" >&2; \
	    else \
	        echo "There is no Chromium: the tests of the report in a browser are skipped" >&2; \
	    fi; \
	fi

docs: $(STAMP) ## Build the documentation as a site, and open it in a browser where there is one
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "The documentation: file://$(CURDIR)/build/site/index.html"
	@echo "To search in it, serve it: $(BIN)/python -m http.server --directory build/site"
	@if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then xdg-open build/site/index.html; fi

bench: $(STAMP) ## Measure costs beside plain loops and the first version: hours on an idle machine; goes on where it was
	@$(BIN)/python benchmarks/bench.py build/bench --table build/bench/table.md
	@$(BIN)/python benchmarks/slopes.py --out build/bench/slopes.json

gallery: $(STAMP) ## Make the pictures of the gallery anew, and a page of each kind of data that is there
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/gallery.sh
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/kinds.sh

check: lint test ## Everything that must hold before a change is shared: lint, then test

lint: $(STAMP) ## Check style, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Put the code into its format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove .venv and every cache; data and runs stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose interpreter is gone is made anew; one that works is only brought up to date.
$(STAMP): pyproject.toml constraints.txt
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    python=; \
	    for candidate in $(or $(PYTHON),$(PYTHONS)); do \
	        if $$candidate -c 'import sys, ensurepip, venv; assert sys.version_info >= (3, 11)' >/dev/null 2>&1; then \
	            python=$$candidate; break; \
	        fi; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "Found no Python 3.11 or newer with its venv module (tried: $(or $(PYTHON),$(PYTHONS)))." >&2; \
	        echo "On Debian and Ubuntu: apt-get install python3-venv. One elsewhere: make PYTHON=/path/to/python3" >&2; \
	        exit 1; \
	    fi; \
	    echo "Making $(VENV) with $$($$python --version)"; \
	    $$python -m venv --clear $(VENV); \
	fi
	@echo "Installing limbeck and the packages of constraints.txt into $(VENV) (a minute or more: torch is large)"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input -c constraints.txt -e '.[dev,hub]'
	@touch $@
