# The vocabulary of README, CONTRIBUTING and CI.
#
#   make demo         set up and run the simulated line with the shipped model, a broker and the verdicts
#   make test         set up and run the tests
#   make thorough     the longer tests, which CI runs too: more browsers, outages and kills
#   make check        linters and types
#   make nightly      full counts of frames, kills and soaks
#   make soak         a million frames with faults by chance; SOAK_FRAMES=... for fewer or more
#   make bench        speed and memory, as ratios in one run
#   make loop         a simulated line whose defects change teaches its own model, start to end
#   make train-demo   train the shipped model again
#   make synth        the templates of the cloud side, of two installations, with no account

SHELL := /bin/bash
.DELETE_ON_ERROR:

# The first interpreter that fits; override with PYTHON=...
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TEST_JOBS ?= 2  # many tests wait for real processes: two at a time take little more than half as long
# In the order of tests/conftest.py, the longest first.
IN_PARALLEL = -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder
TORCH := torch==2.13.0
ASL_VALIDATOR := tests/cloud/asl_validator/node_modules/.package-lock.json

# Real photographs, where a developer has them; tests and training say what they do without.
TAGS := $(or $(EDGE_INSPECTOR_TAGS),$(wildcard ../shared/data/metal-tags))
ifneq ($(TAGS),)
export EDGE_INSPECTOR_TAGS := $(abspath $(TAGS))
endif

# Tests begin thousands of processes: with no bytecode on the disk each of them would compile our code again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo setup setup-train setup-pylon setup-infra system-packages test thorough nightly soak check fmt golden pictures bench loop train-demo synth lock component wheel ci clean

demo: $(VENV)/.demo-ready
	$(BIN)/edge-inspector demo $(DEMO_ARGS)

setup: $(VENV)/.dev-ready

setup-train: $(VENV)/.train-ready

setup-pylon: $(VENV)/.pylon-ready

setup-infra: $(VENV)/.infra-ready

test: setup system-packages $(ASL_VALIDATOR)
	$(BIN)/pytest -m "not thorough and not nightly" $(IN_PARALLEL) $(PYTEST_ARGS)

thorough: setup setup-train setup-pylon setup-infra system-packages $(ASL_VALIDATOR)
	$(BIN)/pytest -m "thorough and not nightly" $(IN_PARALLEL) $(PYTEST_ARGS)

nightly: setup setup-train setup-pylon setup-infra system-packages $(ASL_VALIDATOR)
	$(BIN)/pytest --timeout 3600 $(PYTEST_ARGS)

soak: setup system-packages
	$(BIN)/pytest --timeout 7200 -s tests/integration/test_soak.py

# torch and CDK must be there: without them the types of what uses them cannot be checked.
check: setup setup-train setup-infra
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: setup setup-infra
	UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/test_events.py tests/page/test_api_description.py \
	  tests/cloud/local/devices/test_requests.py tests/cloud/labeling/test_requests.py \
	  tests/cloud/infrastructure/test_templates.py tests/cloud/infrastructure/test_permissions.py

bench: setup system-packages
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

pictures: setup system-packages
	$(BIN)/python docs/images/inspected.py
	$(BIN)/python docs/images/page.py
	$(BIN)/python docs/images/execution.py
	$(BIN)/python docs/images/labeling.py

loop: setup-train system-packages
	$(BIN)/edge-inspector-cloud loop --out $(or $(LOOP_OUT),build/loop) $(LOOP_ARGS)

train-demo: setup-train
	$(BIN)/edge-inspector-cloud train-demo --out src/edge_inspector/shipped_model $(TRAIN_ARGS)

synth: setup-infra
	$(BIN)/edge-inspector-cloud cloud synth --out $(or $(SYNTH_OUT),build/cdk.out) $(SYNTH_ARGS)

# Needs Python and its pip alone, as `gdk component build` does; MODEL_DIR=... for another model than the shipped one.
component: | $(VENV)/bin/python
	$(BIN)/python -m component.build $(COMPONENT_ARGS)
	$(BIN)/python -m component.model.build

wheel: setup
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

lock: setup
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra gpio -o requirements/edge.txt
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra demo -c requirements/edge.txt -o requirements/demo.txt
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra demo --extra gpio --group dev -c requirements/demo.txt -o requirements/dev.txt
	$(BIN)/uv pip compile $(LOCK) requirements/train.in -c requirements/dev.txt -o requirements/train.txt
	$(BIN)/uv pip compile $(LOCK) requirements/pylon.in -c requirements/dev.txt -o requirements/pylon.txt
	$(BIN)/uv pip compile $(LOCK) requirements/build.in -c requirements/dev.txt -o requirements/build.txt
	$(BIN)/uv pip compile $(LOCK) requirements/infra.in -c requirements/dev.txt -o requirements/infra.txt
	$(BIN)/uv pip compile $(LOCK) requirements/functions.in -c requirements/dev.txt -o requirements/functions.txt
	$(BIN)/uv pip compile $(LOCK) requirements/page.in -c requirements/dev.txt -o requirements/page.txt
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

ci:
	.ci/run

clean:
	rm -rf tests/cloud/asl_validator/node_modules $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A broker, an RTSP camera, a GigE Vision camera, a browser and a clock that can be set, for the tests. Without the right
# to install them, the tests that need them say so and are skipped.
system-packages:
	@command -v mosquitto >/dev/null || test -x /usr/sbin/mosquitto || $(call install,mosquitto mosquitto-clients)
	@command -v arv-fake-gv-camera-0.8 >/dev/null || $(call install,aravis-tools)
	@command -v chromium >/dev/null || $(call install,chromium)
	@command -v faketime >/dev/null || $(call install,faketime)
	@/usr/bin/python3 -c "$(RTSP_WORKS)" 2>/dev/null || $(call install,$(GSTREAMER))
RTSP_WORKS := import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); \
	assert all(map(Gst.ElementFactory.find, ('appsrc', 'openh264enc', 'rtph264pay')))
GSTREAMER := python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
install = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); \
	  else \
	    echo "some tests are skipped, they need: apt install $(1)"; \
	  fi

# What else says whether a workflow's definition is one; node itself is among the development dependencies.
$(ASL_VALIDATOR): tests/cloud/asl_validator/package-lock.json $(VENV)/.dev-ready
	cd tests/cloud/asl_validator && $(abspath $(BIN))/npm ci --silent --ignore-scripts --prefer-offline --no-audit --no-fund
	@touch $@

# Basler's emulated cameras, for the tests of the extra: 90 MB to load, 240 MB on disk.
$(VENV)/.pylon-ready: requirements/pylon.txt $(VENV)/.dev-ready
	$(PIP) --require-hashes -r requirements/pylon.txt
	@touch $@

# CDK with its Node.js, and what judges templates: 500 MB on disk.
$(VENV)/.infra-ready: requirements/infra.txt requirements/functions.txt $(VENV)/.dev-ready
	$(PIP) --require-hashes -r requirements/infra.txt
	@touch $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: expected Python 3.11, 3.12 or 3.13, found none; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-ready: requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/demo.txt
	$(PIP) --no-deps -e .
	@touch $@

$(VENV)/.dev-ready: requirements/dev.txt pyproject.toml cloud_side/pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation -e . -e cloud_side
	@touch $@

$(VENV)/.train-ready: requirements/train.txt $(VENV)/.dev-ready
	$(PIP) --require-hashes -r requirements/train.txt
	$(PIP) $(TORCH)
	@touch $@
