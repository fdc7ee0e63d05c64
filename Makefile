# SPDX-License-Identifier: Apache-2.0
# The front door. CMake does the building (see CMakePresets.json).
PRESET ?= release
BUILD  := build/$(PRESET)

.PHONY: all up down deps build test check bench eval fresh install clean help

all: build

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

deps: ## install the Debian packages that are missing
	@tools/install-deps.sh build run

build: deps ## build hearth and hearth-service into build/release
	@[ -f $(BUILD)/build.ninja ] || cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target hearth hearth-service -- --quiet

up: build ## start Hearth on this machine and wait until it is ready
	@$(BUILD)/hearth up --detach

down: ## stop it
	@$(BUILD)/hearth down

test: ## install what the tests need and run every test
	@tools/run-tests.sh

check: ## formatting, layers, static analysis
	@tools/run-checks.sh

bench: ## measure side by side with nginx, HAProxy, tesseract, pdftotext
	@bench/run.sh

eval: ## score OCR and documents on the evaluation sets
	@tests/eval/run.sh

fresh: ## try it on fresh Debian 12 and 13, as root and as a user (needs root)
	@for r in bookworm trixie; do for u in root user; do \
		tools/fresh.sh $$r $$u || exit 1; done; done

install: build ## install below /usr/local
	@cmake --install $(BUILD)

clean: ## remove what was built
	@rm -rf build
