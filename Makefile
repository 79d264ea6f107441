# Two commands: `make demo` and `make test`. Both set up .venv first; the second time that takes no time.

PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
INSTALL := pip install --quiet --disable-pip-version-check --constraint constraints.txt

# A new benchmark is a target bench-NAME, which writes into benchmarks/records, and its name here.
BENCHMARKS := cnn engine watch faults diagnosis treatment page crash damage

.PHONY: help demo test tiny check docs dist test-install test-reproduce bench bench-check soak fuzz $(addprefix bench-,$(BENCHMARKS)) pictures publish clean

help:
	@echo "make demo    both halves of the source report, offline, into runs/demo/index.html and report.html"
	@echo "make test    every test"
	@echo "make tiny    the tests that take seconds"
	@echo "make dist    the wheel and the source archive, into dist"
	@echo "make test-install  both installed on three Pythons, with no extra and with each, and tried"
	@echo "make test-reproduce  the source report reproduced in two fresh installs, and compared to the bit"
	@echo "make check   formatting, lint, types and the arrows between rooms"
	@echo "make docs    the documentation, into docs/_build/html/index.html"
	@echo "make bench   the benchmarks, each beside its peers, or one ($(addprefix bench-,$(BENCHMARKS))); MNIST from DATA_DIR if given"
	@echo "make bench-check  the quick ones again: fails where a ratio fell below its record by more than its noise"
	@echo "make soak    two hours of watching: memory, size of the record, cost of a step (MINUTES=n for fewer)"
	@echo "make fuzz    bad input, 100,000 cases drawn and 900,000 guided by coverage: an hour"
	@echo "make pictures  the pictures of docs/page.md, taken in Chromium"
	@echo "make publish the full reproduction (half an hour and more), its results copied into docs"
	@echo "make clean   remove the environments and caches, not runs"

$(VENV)/user: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(INSTALL) --editable ".[torch,digits,page]"
	@touch $@

$(VENV)/dev: $(VENV)/user
	$(BIN)/$(INSTALL) --editable ".[torch,digits,study,cluster,page,dev]"
	@touch $@

$(VENV)/docs: $(VENV)/user
	$(BIN)/$(INSTALL) --editable ".[torch,digits,study,page,docs]"
	@touch $@

$(VENV)/fuzz: $(VENV)/dev
	$(BIN)/$(INSTALL) --editable ".[fuzz]"
	@touch $@

# Peers bring packages that do not go with the others, so they have an environment of their own.
$(BENCH)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/$(INSTALL) --editable ".[torch,digits,bench]"
	@touch $@

demo: $(VENV)/user
	$(BIN)/backlight demo

# On two cores; a file is run by one process, in its order.
test: $(VENV)/dev
	$(BIN)/pytest -n 2 --dist loadfile

dist: $(VENV)/dev
	rm -rf dist
	$(BIN)/python -m build

# Needs the registry, and half an hour: every extra into empty environments on Python 3.11, 3.12 and 3.13.
test-install: dist
	$(BIN)/python -m benchmarks.install

# Needs the registry, and ten minutes: the source report in two environments that were installed apart, the same to the bit?
test-reproduce: dist
	$(BIN)/python -m benchmarks.install.twice

tiny: $(VENV)/dev
	$(BIN)/pytest tests/test_tiny.py

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --strict --config-file= tests/typing/program.py
	$(BIN)/lint-imports

# A warning fails it: a link that leads nowhere, a page in no table of contents, a public name without words.
docs: $(VENV)/docs
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --fresh-env --quiet docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(addprefix bench-,$(BENCHMARKS))

# The quick ones again, held against their records: fails where a ratio to a peer fell by more than its noise.
bench-check: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/regressions.py

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

bench-page: $(VENV)/dev
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/page_viewer.py

bench-crash: $(VENV)/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.crash

soak: $(VENV)/dev
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/soak.py $(if $(MINUTES),--minutes $(MINUTES))

# Damaged files, and what their checksums cost.
bench-damage: $(VENV)/dev
	$(BIN)/python -m benchmarks.damage
	$(BIN)/python -m benchmarks.damage.cost

# Bad input: what Hypothesis draws, half an hour; bytes guided by coverage, a quarter. Nightly.
fuzz: $(VENV)/fuzz
	$(BIN)/python -m benchmarks.fuzz
	$(BIN)/python -m benchmarks.fuzz.guided

# The pictures of docs/page.md, taken in Chromium.
pictures: $(VENV)/dev
	$(BIN)/python docs/page_pictures.py

# Copies what the full reproduction measured into the documentation.
publish: $(VENV)/user
	$(BIN)/backlight reproduce $(if $(DATA_DIR),--data-dir $(DATA_DIR))
	cp runs/reproduce/claims.md docs/claims.md
	cp runs/reproduce/riddle.md docs/riddle-tables.md
	cp $(addprefix runs/reproduce/figures/,s11-grid.png s12-factorial.png s12-absorbed.png s12-mended.png) docs/images/

clean:
	rm -rf $(VENV) $(BENCH) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
