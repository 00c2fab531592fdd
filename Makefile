# One door for everything. `make demo` and `make test` set up what they need.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PREFIX ?= $(HOME)/.local
AEGIS_HOME ?= $(HOME)/.aegis
ISOLATION ?= namespace
export SWIFT_BACKTRACE ?= enable=no

.PHONY: help setup build demo test deep conformance check bench fuzz kernels kernel test-agents test-local-model install uninstall format lint image clean sizes

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

setup: ## install what building needs (apt), or print the command
	@scripts/setup build

build: setup ## compile everything into dist/
	@scripts/build

demo: build ## run a whole session on a real example: no key, no aegisd, only the model is scripted
	@scripts/demo

test: ## set up and run every test
	@scripts/test

deep: build ## the simulation, the merge queue's property tests, the table of PID 1 and a session under KVM, with all their cases (20 minutes)
	@OPENCLAW_QUEUE_CASES=10000 OPENCLAW_SIMULATION_SEEDS=5000 OPENCLAW_GIT_CASES=300 \
		swift test --filter 'CoreTests\.(Queue|Simulation)Tests|DeliveryTests\.QueueGitTests'
	@scripts/setup test && for part in machine kvm; do OPENCLAW_DEEP=1 Tests/Conformance/control/run $$part || exit 1; done

conformance: build ## the conformance suites whole: `make test` runs their quick part
	@scripts/setup test && Tests/Conformance/websocket/run --full && Tests/Conformance/sdk/run --libraries
	@Tests/Conformance/languages/run --full && Tests/Conformance/mcp/run --full
	@CANVAS_CUTS=100 CANVAS_KILLS=10 Tests/EndToEnd/run what_the_page_applied_is_the_journal_whatever_was_cut_and_killed

bench: build ## measure against peers and floors in the same run
	@scripts/setup test && scripts/bench --write

fuzz: ## libFuzzer on policies, roles, paths, the proxy, the protocols and all answers from outside, FUZZ_SECONDS each (300)
	@scripts/fuzz

test-agents: build ## every agent program of the field in a whole session (installs a gigabyte from PyPI the first time)
	@scripts/setup test && scripts/test-agents

test-local-model: build ## a real local model drives whole sessions (PyPI llama-cpp-python compiles for minutes)
	@scripts/test-local-model

kernels: ## the sandbox's attempts on Debian's kernel, with and without Landlock, booted in software
	@scripts/setup test && Tests/Conformance/escape/kernels

check: lint ## format, lint and the tidy tests
	@swift test --filter TidyTests

install: build ## put openclaw into PREFIX/bin and the kit under ~/.aegis/kits/openclaw
	@mkdir -p "$(PREFIX)/bin" && install -m 755 dist/bin/openclaw "$(PREFIX)/bin/openclaw"
	@AEGIS_HOME="$(AEGIS_HOME)" "$(PREFIX)/bin/openclaw" kit install dist/kit
	@echo "installed $(PREFIX)/bin/openclaw"

uninstall: ## remove the program and the kit; sessions are kept
	@-AEGIS_HOME="$(AEGIS_HOME)" "$(PREFIX)/bin/openclaw" coordinator stop
	@rm -rf "$(AEGIS_HOME)/kits/openclaw" "$(PREFIX)/bin/openclaw"
	@echo "removed; sessions are still in $(AEGIS_HOME)/openclaw"

format: ## rewrite the sources in the project's format
	@swift format format -i -r Sources Tests Package.swift

lint: ## fail on a source that is not in the project's format
	@swift format lint --strict -r Sources Tests Package.swift

sizes: build ## sizes of the programs
	@ls -l dist/bin dist/kit/hooks dist/kit/guest | awk '$$5 > 0 && NF > 8 {printf "%-24s %10d\n", $$9, $$5}'

kernel: ## a small kernel for guests, from the distribution's source, which AEGIS_KERNEL boots (some minutes)
	@image/kernel

image: build ## the agent-base image, and the root file system that AEGIS_IMAGE boots (needs root; LEAVE_OUT=chromium)
	@scripts/setup image && image/build $(LEAVE_OUT)

clean: ## remove what was built
	@rm -rf .build .build-release dist
