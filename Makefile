# Farsight (远见). `make run` and `make test` install what they need on Debian and Ubuntu.

SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),target)
DATA := farsight-demo

# What the web application is built from.
VIEWER := $(shell find viewer -type f -not -path 'viewer/node_modules/*' -not -path 'viewer/dist/*' -not -path 'viewer/ohif/*' 2>/dev/null)

.NOTPARALLEL:
.PHONY: help run test check bench fuzz samples screenshots web ohif setup clean

help:
	@echo 'make run      build everything, start the demo (data in $(DATA)/)'
	@echo 'make test     all tests, browser and other programs included'
	@echo 'make check    formatting, lints, unit tests'
	@echo 'make bench    speed, side by side with other programs'
	@echo 'make fuzz     fuzz one target: TARGET=data_set SECONDS=300 (fuzz/README.md)'
	@echo 'make samples  sample studies and slides, in sample-data/cache/'
	@echo 'make screenshots  every page, both languages, themes and sizes, in tests/artefacts/catalogue/'
	@echo 'make clean    remove what was built (not the demo data)'

run: setup samples web
	cargo build --workspace --bin farsight
	exec $(TARGET)/debug/farsight demo --data $(DATA)

setup:
	@scripts/setup.sh run

samples:
	@scripts/setup.sh python
	@.venv/bin/python sample-data/fetch.py
	@.venv/bin/python sample-data/generate.py demo

web: viewer/dist/index.html ohif

# A viewer that others wrote, from its npm package; the node works without it, too.
ohif: viewer/dist/index.html
	@cd viewer && node scripts/ohif.mjs || \
	echo 'ohif: NOT INSTALLED, for the reason above: nothing will be at /ohif. `make ohif` tries again.' >&2

viewer/dist/index.html: $(VIEWER)
	@scripts/setup.sh run
	cd viewer && npm run build
	@touch $@

test:
	@scripts/test.sh

check: viewer/dist
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --lib --bins
	@if [ -d viewer/node_modules ]; then cd viewer && npm run check; \
	else echo 'viewer: not checked, its packages are not installed (make setup)'; fi

# The server embeds this folder; empty will do for compiling.
viewer/dist:
	@mkdir -p $@

bench: viewer/dist/index.html
	@scripts/setup.sh bench
	cargo build --release --workspace --bin farsight
	cargo build --release -p storage --example search_cost
	.venv/bin/python bench/run.py

fuzz:
	@scripts/fuzz.sh '$(TARGET)' '$(or $(SECONDS),300)'

# PLACES=login,verify makes those alone; LOOKS=phone-light-en those of one size, theme and language.
screenshots: setup samples web
	cargo build --workspace --bin farsight
	cd tests/browser && FARSIGHT_CATALOGUE=1 $(if $(PLACES),FARSIGHT_PLACES=$(PLACES)) $(if $(LOOKS),FARSIGHT_LOOKS=$(LOOKS)) npx playwright test looks.spec.ts -g catalogue

clean:
	cargo clean
	rm -rf viewer/dist viewer/ohif/dist tests/artefacts bench/results
