# Two commands: `make demo` and `make test`. Both set up .venv first; the second time that takes no time.

PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
INSTALL := pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test tiny check bench bench-cnn bench-engine bench-watch bench-faults bench-diagnosis bench-treatment bench-damage fuzz publish clean

help:
	@echo "make demo    both halves of the source report, offline, into runs/demo/index.html"
	@echo "make test    every test"
	@echo "make tiny    the tests that take seconds"
	@echo "make check   formatting, lint, types and the arrows between rooms"
	@echo "make bench   the benchmarks, each beside its peers (bench-cnn, bench-engine, bench-watch, bench-faults, bench-diagnosis, bench-treatment); MNIST from DATA_DIR if given"
	@echo "make bench-damage, make fuzz   damaged files and bad input, thousands of cases; minutes, half an hour"
	@echo "make publish the full reproduction (half an hour and more), its results copied into docs"
	@echo "make clean   remove the environments and caches, not runs"

$(VENV)/user: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(INSTALL) --editable ".[torch,digits,page]"
	@touch $@

$(VENV)/dev: $(VENV)/user
	$(BIN)/$(INSTALL) --editable ".[torch,digits,study,cluster,page,dev]"
	@touch $@

# Peers bring packages that do not go with the others, so they have an environment of their own.
$(BENCH)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/$(INSTALL) --editable ".[torch,digits,bench]"
	@touch $@

demo: $(VENV)/user
	$(BIN)/backlight demo

test: $(VENV)/dev
	$(BIN)/pytest

tiny: $(VENV)/dev
	$(BIN)/pytest tests/test_tiny.py

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: bench-cnn bench-engine bench-watch bench-faults bench-diagnosis bench-treatment

bench-cnn: $(VENV)/dev
	$(BIN)/python benchmarks/train_cnn.py $(if $(DATA_DIR),--data-dir $(DATA_DIR))

bench-engine: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/engine.py
	$(BENCH)/bin/python benchmarks/engine_scaling.py

bench-watch: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/watch.py

bench-faults: $(VENV)/dev
	$(BIN)/python -m benchmarks.backprop_faults --part test

bench-diagnosis: $(VENV)/dev
	$(BIN)/python -m benchmarks.training_faults --part test --jobs 2
	$(BIN)/python benchmarks/diagnosis_cost.py

bench-treatment: $(VENV)/dev
	$(BIN)/python -m benchmarks.training_faults.treatments --part test --cnn --jobs 2

# Damaged files, and what their checksums cost.
bench-damage: $(VENV)/dev
	$(BIN)/python -m benchmarks.damage
	$(BIN)/python -m benchmarks.damage.cost

# Bad input, 100,000 cases: half an hour; nightly.
fuzz: $(VENV)/dev
	$(BIN)/python -m benchmarks.fuzz

# Copies what the full reproduction measured into the documentation.
publish: $(VENV)/user
	$(BIN)/backlight reproduce $(if $(DATA_DIR),--data-dir $(DATA_DIR))
	cp runs/reproduce/claims.md docs/claims.md
	cp runs/reproduce/riddle.md docs/riddle-tables.md
	cp $(addprefix runs/reproduce/figures/,s11-grid.png s12-factorial.png s12-absorbed.png s12-mended.png) docs/images/

clean:
	rm -rf $(VENV) $(BENCH) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
