# One command each; every one builds the environment in .venv first where it is missing or out of date.
# Options go in ARGS: make report ARGS="--period 2026-Q3 --only 03_sales"

PYTHON ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.crmkit-installed
NOTEBOOKS := $(wildcard notebooks)

.DEFAULT_GOAL := help
.PHONY: help report example test lab bench check lessons lock

help: ## this list
	@echo "make COMMAND [ARGS=\"options\"]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1 \2/p' $(firstword $(MAKEFILE_LIST)) \
	  | while read -r name text; do printf '  %-8s %s\n' "$$name" "$$text"; done

report: $(STAMP) ## make the report of the sample company, or of ARGS="--data FOLDER", in reports/
	@$(BIN)/crmkit report --out reports $(ARGS)
	@echo "Open reports/index.html in a browser: file://$(CURDIR)/reports/index.html"

example: $(STAMP) ## make the committed example report in reports/example anew
	@rm -rf reports/example && $(BIN)/crmkit report --out reports/example

# One run of pytest, so that its closing line counts everything: tests, examples in docstrings, and each notebook's
# cells (--dist loadfile keeps the cells of a notebook together, in their order). Faulty notebooks that tests keep are
# not run by themselves, and conftest.py is no module with examples.
test: $(STAMP) ## run all tests: the package, its documented examples, the notebooks
	@$(BIN)/python -m pytest -n 2 --dist loadfile --doctest-modules \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout=120 --ignore-glob='tests/*.ipynb' --ignore-glob='tests/*conftest.py' \
	  tests crmkit $(NOTEBOOKS) $(ARGS)

lab: $(STAMP) ## open the notebooks in JupyterLab
	-@$(BIN)/crmkit glossary --html notebooks/training/glossary.html >/dev/null
	@$(BIN)/jupyter-lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks $(ARGS)

bench: $(STAMP) ## measure speed and memory against plain SQL, pandas and the Jupyter commands
	@$(BIN)/python benchmarks/run.py $(ARGS)

check: $(STAMP) ## lint, format and see that the notebooks are saved without output
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@find $(or $(NOTEBOOKS),/dev/null) -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -not -path '*/training/*' -exec $(BIN)/nbstripout --verify --keep-id {} +

lessons: $(STAMP) ## run the lessons' source notebooks and keep their outputs
	@$(BIN)/python -m crmkit.training.run $(ARGS)

lock: $(STAMP) ## write requirements.lock anew: the newest versions that pyproject.toml allows
	@rm -rf build/lock && $(BIN)/python -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check -e ".[dev,cjk]"
	@{ sed -n '/^#/p' requirements.lock; build/lock/bin/python -m pip freeze --exclude-editable; } > build/requirements.lock
	@mv build/requirements.lock requirements.lock && rm -rf build/lock

# The environment counts as ready only when the whole installation went through. An environment whose Python is gone,
# or too old, is built anew.
$(STAMP): pyproject.toml requirements.lock
	@suits='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if ! $(BIN)/python -c "$$suits" >/dev/null 2>&1; then \
	  found=; \
	  for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	    if "$$candidate" -c "$$suits" >/dev/null 2>&1; then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "crmkit needs Python 3.11 or newer, and none of python3.13, python3.12, python3.11 and python3 is." >&2; \
	    echo "Install one from python.org, your system or conda, or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	  fi; \
	  echo "Building $(VENV) with $$($$found --version); this takes a few minutes and about 1 GB, once."; \
	  rm -rf $(VENV); \
	  if ! "$$found" -m venv $(VENV); then \
	    rm -rf $(VENV); \
	    echo "$$found can't make environments; on Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	else \
	  echo "Bringing $(VENV) up to date."; \
	fi
	@# most of what is installed is never imported: what is, Python compiles when it first is
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c requirements.lock -e ".[dev,cjk]"
	@touch $(STAMP)
