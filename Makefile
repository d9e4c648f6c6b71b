# Every routine of the project is one target here; the hooks and .ci/run call these same targets.
# `make help` lists them. A line `target: ## text` is what help shows.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

VENV := .venv
PY := $(VENV)/bin/python
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BUILT := $(VENV)/.built

RUST_SOURCES := $(shell find core_rs -path core_rs/fuzz -prune -o \( -name '*.rs' -o -name '*.lua' -o -name Cargo.toml \) -print 2>/dev/null)
# A test run of the Rust crates needs neither an interpreter (vss-py) nor the peers we are measured against (vss-benches).
RUST_TESTED := --workspace --exclude vss-py --exclude vss-benches
FUZZ_SECONDS ?= 5
# Extra words for the command a target runs: `make run ARGS='--duration 5'`, `make test ARGS='-k decoder'`.
ARGS ?=

# Bold on a terminal only (make 4.1 and newer say so).
ifdef MAKE_TERMOUT
BOLD := \033[1m
PLAIN := \033[0m
endif
say = @printf '$(BOLD)» %s$(PLAIN)\n'
# One sentence for each tool that is missing.
need = command -v $(1) >/dev/null 2>&1 || { echo "make: $(1) is missing: $(2)" >&2; exit 1; }

need_rust = @$(call need,cargo,install Rust 1.88 or newer with rustup or your system's packages.); \
	command -v $${CC:-cc} >/dev/null 2>&1 || { echo "make: a C compiler is missing, Rust links with it: install gcc or clang (Debian: apt-get install gcc)." >&2; exit 1; }

.PHONY: help
help: ## List all targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  $(BOLD)%-14s$(PLAIN) %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- set-up: each step leaves a stamp in .venv, so that the second time costs nothing ----

.PHONY: setup
setup: $(BUILT) ## Make .venv, install the locked packages and build the extension (run, test and check do it themselves)

$(PY):
	$(need_rust)
	@found=; for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	[ -n "$$found" ] || { echo "make: Python 3.11 or newer with its venv module is missing: install it (Debian: apt-get install python3 python3-venv) or name one with make PYTHON=/path/to/python3." >&2; exit 1; }; \
	printf '$(BOLD)» %s$(PLAIN)\n' "making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV)

$(INSTALLED): requirements/dev.lock | $(PY)
	$(say) "installing the packages of requirements/dev.lock"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

# An extension removed by hand counts as out of date.
ifeq ($(wildcard python/vss_router/_core*.so),)
.PHONY: $(BUILT)
endif
$(BUILT): $(RUST_SOURCES) Cargo.toml Cargo.lock pyproject.toml $(INSTALLED)
	$(need_rust)
	$(say) "building the extension in release"
	@find python/vss_router -name '_core*.so' ! -name '_core.abi3.so' -delete  # one of another build would shadow the new one
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# ---- the two commands ----

.PHONY: run
run: $(BUILT) ## Set up, then run the demo until Ctrl-C (ARGS='--duration 5 --speed 20')
	$(say) "vss-router demo $(ARGS)"
	@exec $(BIN)/vss-router demo $(ARGS)

.PHONY: test
test: test-rust test-python ## Set up, then run every test, Rust and Python

.PHONY: test-rust
test-rust: ## Run the Rust tests alone (no Python needed)
	$(need_rust)
	$(say) "cargo test"
	@cargo test --quiet $(RUST_TESTED)

.PHONY: test-python
test-python: $(BUILT) ## Run the Python tests alone (ARGS='-k queue')
	$(say) "pytest"
	@$(PY) -m tests.services.programs
	@$(BIN)/pytest --numprocesses 2 $(ARGS)

# Kills, stalls and fail-overs of real servers: minutes, so apart from `make test`.
.PHONY: test-faults
test-faults: $(BUILT) ## Run the tests that kill, stall and starve real servers and routers (minutes)
	$(say) "pytest tests/faults"
	@$(PY) -m tests.services.programs
	@$(BIN)/pytest tests/faults --run-faults --numprocesses 2 $(ARGS)

# `make test-live LIVE_VERSION=16 LIVE_SECONDS=60`: one Asterisk alone, a shorter soak (figures: tests/live/results).
LIVE_VERSION ?= 22 16
LIVE_SECONDS ?= 600

.PHONY: test-live
test-live: live-asterisk $(BUILT) ## Run the tests against real Asterisks, 22 and 16, made on this machine (root, Debian's packages)
	@status=0; for version in $(LIVE_VERSION); do \
	  printf '$(BOLD)» %s$(PLAIN)\n' "pytest tests/live against Asterisk $$version, a soak of $(LIVE_SECONDS) s"; \
	  LIVE_VERSION=$$version LIVE_SECONDS=$(LIVE_SECONDS) $(BIN)/pytest tests/live --run-live $(ARGS) || status=1; \
	done; exit $$status

.PHONY: live-asterisk
live-asterisk:
	$(say) "a root folder for Asterisk $(LIVE_VERSION)"
	@for version in $(LIVE_VERSION); do ASTERISK_VERSION=$$version bash tests/live/asterisk.sh make || exit 1; done

# ---- what a change must pass ----

.PHONY: check
check: check-python check-stubs check-imports check-rust ## Lint, formats, types, stubs and import directions

.PHONY: check-python
check-python: $(INSTALLED) ## Lint, format and types of the Python sources
	$(say) "ruff and mypy"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy

.PHONY: check-stubs
check-stubs: $(BUILT) ## Compare _core.pyi with the built module
	$(say) "stubtest vss_router._core"
	@$(PY) -m mypy.stubtest vss_router._core --concise --ignore-disjoint-bases

.PHONY: check-imports
check-imports: $(INSTALLED) ## Import directions of the Python layers and of the Rust crates
	$(say) "import-linter and cargo tree"
	@PYTHONPATH=python $(BIN)/lint-imports --no-cache --no-logo
	$(need_rust)
	@tree=$$(cargo tree --locked --quiet --package vss-core --edges normal --prefix none) || exit 1; \
	if grep -E '^(pyo3|tokio|mio)[^ ]* ' <<<"$$tree"; then echo "vss-core must stay without pyo3 and tokio: move what needs them to vss-py or vss-io." >&2; exit 1; fi

.PHONY: check-rust
check-rust: ## Lint and format of the Rust sources, also of the build without AMQP
	$(need_rust)
	$(say) "rustfmt and clippy"
	@cargo fmt --all --check
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	@cargo clippy --quiet --locked --package vss-py --no-default-features -- -D warnings

.PHONY: format
format: $(INSTALLED) ## Format the Rust and Python sources and mend what the linters can mend
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format --quiet
	@cargo fmt --all

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZ_SECONDS (5); needs cargo-fuzz and a nightly toolchain
	$(need_rust)
	@command -v cargo-fuzz >/dev/null 2>&1 || { echo "make: cargo-fuzz is missing: install it with cargo install --locked cargo-fuzz." >&2; exit 1; }
	@cargo +nightly --version >/dev/null 2>&1 || { echo "make: a nightly Rust is missing, cargo-fuzz needs it: rustup toolchain install nightly." >&2; exit 1; }
	@for target in core_rs/fuzz/fuzz_targets/*.rs; do \
	  name=$$(basename "$$target" .rs); printf '$(BOLD)» %s$(PLAIN)\n' "fuzzing $$name for $(FUZZ_SECONDS) s"; \
	  cargo +nightly fuzz run --fuzz-dir core_rs/fuzz "$$name" -- -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 || exit 1; \
	done

.PHONY: bench
bench: $(BUILT) ## Measure ours and the peers in one run, print one table, write benches/results (ARGS='--only P2 --assert')
	@$(PY) -m benches.run $(ARGS)

.PHONY: load
load: $(BUILT) ## Users of the read API under a flood of AMI events, percentiles beside a bare route's (ARGS='--seconds 60 --assert')
	@$(PY) -m loadtests.run $(ARGS)

# ---- what is shipped ----

.PHONY: wheel
wheel: $(INSTALLED) ## Build the wheel into dist/
	$(need_rust)
	$(say) "building the wheel"
	@rm -rf dist
	@$(BIN)/maturin build --quiet --release --locked --out dist
	@ls dist

.PHONY: lock
lock: $(PY) ## Write the locks anew from pyproject.toml and Cargo.toml
	@$(BIN)/uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet --disable-pip-version-check uv
	$(say) "locking"
	@export UV_CUSTOM_COMPILE_COMMAND='make lock'; \
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade pyproject.toml -o requirements/runtime.lock && \
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade -c requirements/runtime.lock --group dev pyproject.toml -o requirements/dev.lock
	@cargo update --quiet

.PHONY: clean
clean: ## Remove everything made here: .venv, target, dist, caches
	@rm -rf $(VENV) target core_rs/fuzz/target core_rs/fuzz/artifacts core_rs/fuzz/coverage dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .benchmarks .import_linter_cache python/vss_router/_core*.so
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
