# make run    set up, then build the demo study and its report
# make test   set up, then run every test and check
# Both make .venv from the locked requirements on the first call and reuse it afterwards.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RECIPE := results/runs/kefe/formation_energy/ef/brnet_recommended/recommended@members=3,max_epochs=150
# `nproc` alone counts OMP_NUM_THREADS, which many clusters set to 1 for the libraries.
CORES ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || sysctl -n hw.ncpu)

.PHONY: run test check docs guard setup lock manual clean

run: setup
	$(BIN)/snakemake --cores $(CORES) --configfile config/demo.yaml --quiet rules host
	$(BIN)/snakemake --cores $(CORES) --configfile config/demo.yaml --report results/report.zip
	@echo
	@cat results/tables/demo/errors
	@echo
	@echo "Formation enthalpies that no network has seen:"
	@$(BIN)/elemflow predict --run $(RECIPE) LiF ZrO2 ZnS FeCl3 SiC KNO3
	@echo
	@echo "Pages:   results/index.html (tables, figures, all cells, every run)"
	@echo "Report:  results/report.zip (unpack it and open report.html)"

# Files of a few long tests come first, so that no core waits for them at the end. The tests on Slurm mostly wait, hence one
# process more than there are cores.
test: setup
	$(BIN)/python -m pytest -n $$(($(CORES) + 1)) --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry . --config envs/deptry.toml
	$(BIN)/snakemake --lint

# Build a small run of every kind and compare every number with tests/guard/hashes.json, in about six minutes.
guard: setup
	ELEMFLOW_GUARD=1 $(BIN)/python -m pytest tests/guard

setup: $(STAMP)

$(STAMP): envs/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "elemflow needs Python 3.11 to 3.13; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# The lock is complete: pip has nothing to resolve, and must not look beyond it for the extras of a package.
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r envs/requirements.txt
	$(BIN)/python -m pip check
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Resolve envs/requirements.in again (needs uv); write the conda file and the container recipes.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  envs/requirements.in --output-file envs/requirements.txt
	$(BIN)/python -m elemflow.tools.condafile
	$(BIN)/python -m elemflow.tools.containers

# The site, with search and an API page, in results/site.
docs: setup
	$(BIN)/mkdocs build --strict --site-dir results/site

clean:
	rm -rf results .snakemake

# Generate the references of the configuration and of the command elemflow, and the picture of the pipeline.
manual: setup
	$(BIN)/python -m elemflow.tools.manual
	$(BIN)/python -m elemflow.tools.command_page
	$(BIN)/python -m elemflow.tools.pipeline
