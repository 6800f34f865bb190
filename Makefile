# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SCRIPT = PYTHONPATH=tests/helpers $(BIN)/python
STAGES = distill quantize export firmware_harness models search

.PHONY: demo test install wheels docs lint lint-python lint-c types sizes footprints bench clang costs probes veil answer thesis target families fuzz random random-boards serial torture sbom system clean

demo: $(VENV)/.installed ## the main job on the embedded default: pictures in, int8 student in C and a report out
	@sh .ci/install_system_packages.sh demo
	$(BIN)/edgeblur demo --force

test: ## everything that CI checks
	@$(MAKE) --silent --jobs 2 system install # one waits for Debian, the other for the package index
	@$(MAKE) --silent --jobs 2 lint
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder # tests/conftest.py orders them

install: $(VENV)/.installed ## the package with all extras, editable, in $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet uv # several times faster than pip at TensorFlow's size
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --compile-bytecode --editable '.[all,dev,docs]'
	@$(BIN)/python -m compileall -q core $(STAGES) # else each process compiles again where PYTHONDONTWRITEBYTECODE is set
	@touch $@

lint: lint-python lint-c

lint-python: $(VENV)/.installed types
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-c: $(VENV)/.installed
	sh .ci/lint_c.sh $(BIN)

# A view of the package map for type checkers: they cannot follow the editable install's import hook.
types:
	@rm -rf .typing && mkdir -p .typing/edgeblur
	@ln -s $(CURDIR)/core/* .typing/edgeblur/
	@for stage in $(STAGES); do ln -s $(CURDIR)/$$stage .typing/edgeblur/$$stage; done

# What compiled code of the streaming engine takes, for `edgeblur fit`: again after a change of kernels (minutes).
sizes: system $(VENV)/.installed
	$(SCRIPT) bench/measure_code_sizes.py

# What the models that ship take once compiled, for `edgeblur fit`: again after a change of the compiler (seconds).
footprints: $(VENV)/.installed
	$(SCRIPT) bench/record_footprints.py

# Instructions, code and RAM of U-Nets on all emulated boards, beside bench/*.csv. With FORCE=--force it rewrites those.
bench: system $(VENV)/.installed
	$(SCRIPT) bench/write_models.py build/bench
	$(BIN)/edgeblur bench build/bench/unet4.tflite build/bench/unet8.tflite build/bench/unet16.tflite \
	    build/bench/unet32.tflite --out bench $(FORCE)

# Instructions by clang beside gcc's, bench/clang.csv and the tables of docs/kernels.md: after a change of kernels (minutes).
clang: system $(VENV)/.installed
	$(SCRIPT) bench/count_clang.py

# What each unit of a kernel's work costs, fitted to bench/*.csv: after `make bench` and `make probes` (seconds).
costs: $(VENV)/.installed
	$(SCRIPT) bench/write_models.py build/bench
	$(SCRIPT) bench/cost_probes.py build/bench/probes
	$(SCRIPT) bench/fit_costs.py build/bench

# Instructions of small nets in shapes that the U-Nets lack, and cycles, for `make costs`: again after a change of kernels (minutes).
probes: system $(VENV)/.installed
	$(SCRIPT) bench/cost_probes.py build/bench/probes
	$(BIN)/edgeblur bench build/bench/probes/*.tflite --out bench/probes --force --flash 1
	$(BIN)/edgeblur bench build/bench/probes/suited/*.tflite --out bench/probes/suited --force --optimize speed \
	    --board mps2-an386 --board mps2-an500 --board mps2-an505
	$(SCRIPT) bench/count_cycles.py
	$(SCRIPT) bench/count_pico.py build/bench/unet4.tflite build/bench/probes/*.tflite

# Tables and pictures of docs/a-or-b.md: detectors measured on the test photos of DATA, models as the shelf knows them (minutes).
answer: $(VENV)/.installed
	$(SCRIPT) docs/make/answer.py $(DATA)

# The tables of docs/thesis.md: the thesis's nets in a CHECKOUT of its repository, judged on the test photos of DATA (minutes).
thesis: system $(VENV)/.installed
	$(SCRIPT) docs/make/thesis.py $(CHECKOUT) $(DATA)

# Instructions of the veil around a finder on all emulated cores, and what `edgeblur fit` reckons with: after a change of the veil's C
# (minutes).
veil: system $(VENV)/.installed
	$(SCRIPT) bench/count_veil.py --recount

# The table of docs/families.md: trunks of a mask head, all trained alike on DATA (an hour).
families: system $(VENV)/.installed
	$(SCRIPT) docs/make/families.py $(DATA)

# The table of docs/target.md: leaks of the target itself, by strength and growth, on photos of DATA (minutes).
target: $(VENV)/.installed
	$(SCRIPT) docs/make/target.py $(DATA)

# The documentation site, in build/site; the notebook that it shows: docs/make/run_notebook.py (seconds).
docs: $(VENV)/.installed types
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Source archives and wheels of edgeblur and of the trained nets that it leaves out, with SHA256SUMS, in dist/ (seconds).
wheels: $(VENV)/.installed
	$(BIN)/python wheels/build_wheels.py dist

# Mutated files through every reader, for so many seconds; what breaks is kept in build/fuzz.
SECONDS ?= 3600
fuzz: $(VENV)/.installed
	$(SCRIPT) bench/fuzz.py --seconds $(SECONDS)

# Random nets through the streaming engine: on this host, from where the last call ended (bench/random_parts.json), and on every
# emulated core (half an hour).
NETS ?= 500
random: system $(VENV)/.installed
	$(SCRIPT) bench/random_parts.py --nets $(NETS)

BOARD_NETS ?= 50
random-boards: system $(VENV)/.installed
	$(SCRIPT) bench/random_boards.py --nets $(BOARD_NETS)

# Pictures over a serial line that loses, doubles and changes frames: right, or reported (minutes).
FRAMES ?= 100000
serial: $(VENV)/.installed
	$(SCRIPT) bench/serial_soak.py --frames $(FRAMES)

# Kills and full disks at random moments of data make, blur of pictures and a video, export, train, distill, quantize and
# search (hours).
torture: $(VENV)/.installed
	$(SCRIPT) bench/torture.py

# A bill of materials of this environment (CycloneDX).
sbom: $(VENV)/.installed
	@$(BIN)/python bench/sbom.py

# What the tests need outside Python: compilers for the C arrays, a browser for the report.
system:
	@sh .ci/install_system_packages.sh

clean:
	rm -rf $(VENV) .typing .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info demo
