# What there is to do: `make demo` and `make test` need nothing but a Debian 12 machine, root and cargo.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LAB := tests/lab/lab
WORKERS ?= 2
REAL ?=
RENEW ?=
BENCH ?=
FUZZ ?=
ifeq ($(REAL),)
KIND := stand-in
FROM := 1.28.0
TO := 1.28.2
else
KIND := real
FROM := 1.20.0
TO := 1.20.2
endif

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

.PHONY: deps
deps: ## Install the Debian packages that building and testing need
	@tests/tools/install-packages

.PHONY: build
build: deps ## Build krun (target/release/krun)
	cargo build --release --locked

.PHONY: demo
demo: build ## Bring up lab nodes with a cluster and upgrade it with krun (REAL=1: a real control plane)
	$(LAB) setup --cluster $(KIND)
	$(LAB) up --name demo --cluster $(KIND) --masters 1 --workers $(WORKERS) --version $(FROM)
	trap '$(LAB) clean --name demo' EXIT; \
	$(LAB) ctl --name demo -- target/release/krun playbooks/upgrade.yml -i inventory/lab \
	  -e kubernetes_version=$(TO) -e lab_keys="$${KRUN_LAB_STATE:-/var/lib/krun-lab}/demo"

.PHONY: test
test: deps ## Run all tests
	tests/tools/run-tests

# Empty: without the test that waits five minutes for kubeadm.
LONG ?= 1

.PHONY: test-real
test-real: deps ## Run the tests on the real control plane (builds it the first time)
	KRUN_TEST_REAL=1 KRUN_TEST_LONG=$(LONG) tests/tools/run-tests real

.PHONY: test-long
test-long: deps ## Run the tests on lab nodes that take many minutes: the fault matrix, three hops under watch, 1.18 to 1.26
	tests/lab/lab setup --cluster stand-in
	KRUN_TEST_LONG=1 cargo test --locked --test nodes -- --nocapture fault_matrix far_target three_hops

.PHONY: bench
bench: deps ## Measure krun beside its peers (hours; BENCH="work --hosts 10 …" for less: docs/performance.md)
	cargo build --release --locked
ifeq ($(BENCH),)
	tests/bench/bench loading
	tests/bench/bench growth --picture docs/pictures/growth.svg
	tests/bench/bench work
else
	tests/bench/bench $(BENCH)
endif

.PHONY: conformance
conformance: deps ## Compare the records of the conformance suite with Ansible (RENEW=1: write them anew)
	tests/conformance/record $(if $(RENEW),--renew)

# Ten minutes a target; `make fuzz FUZZ="60 template"` for a minute of one.
.PHONY: fuzz
fuzz: deps ## Feed the parsers with broken input (an hour; needs rustup for a nightly compiler)
	tests/tools/fuzz $(FUZZ)

.PHONY: lint
lint: deps ## Formatting, clippy, shellcheck, licences
	tests/tools/lint
