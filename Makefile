# What a developer runs. `make` or `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

##@ Variables (make VARIABLE=value ...)

## Release name that go-ceph has for the librados headers of this machine
CEPH_TAG ?= pacific
## 0: build and test without Ceph's libraries, and without the race detector
CGO_ENABLED ?= 1
## How long each fuzz target runs
FUZZTIME ?= 30s
## Packages that unit tests
UNIT ?= ./...
## Of these, the packages that it tests with the race detector, as a regular expression
RACED ?= .
## Benchmarks to run, as a regular expression
BENCH ?= .
## Packages of the main module to look for benchmarks in
PKG ?= ./...
## Further tags of bench; e2e measures real daemons too (as root)
BENCH_TAGS ?=
## Tools, programs and image archives, built once for each version
SEAMOUNT_CACHE ?= $(HOME)/.cache/seamount
## Further arguments for up, local-up and local-down, for example --nodes=5
ARGS ?=
## Images that the target images builds; by default all whose programs exist
IMAGES ?= ceph-18 ceph-20 pause $(notdir $(wildcard cmd/seamount cmd/seamount-node)) workload
## What the programs say of themselves
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The version is in LDFLAGS: the go command asks git by itself, which fails in a clone of another user.
#
# Nothing that is compiled names a path of this machine, so that what is vetted, linted and tested is what the programs and the
# local Kubernetes are linked from: each package is compiled once, with cgo and without. Only what cgo itself writes names files of
# the checkout, where vet and linters look for them: a definition that nobody reads keeps it apart from that of other checkouts.
export CGO_CPPFLAGS := $(filter-out -DSEAMOUNT_CHECKOUT=%,$(CGO_CPPFLAGS)) -DSEAMOUNT_CHECKOUT=$(firstword $(shell pwd | cksum))
# What debuggers read is neither written nor linked, which is a tenth of the time of compiling and a third of that of linking a test;
# where a test panicked is told without it. A debugger wants other flags: GOFLAGS= go test -c, for example.
#
# Names of hosts and users are looked up by Go itself, so that packages which need a network are the same with cgo and
# without, and are compiled once for both: https://pkg.go.dev/net#hdr-Name_Resolution.
export TAGS := $(CEPH_TAG),netgo,osusergo
export GOFLAGS := $(strip $(filter-out -tags=% -buildvcs=% -trimpath% -ldflags=% -gcflags=%,$(shell go env GOFLAGS)) -tags=$(TAGS) -buildvcs=false -trimpath -ldflags=-s -gcflags=all=-dwarf=false)
export CGO_ENABLED FUZZTIME SEAMOUNT_CACHE
LDFLAGS := -s -w -X main.version=$(VERSION)
RACE := $(if $(filter 0,$(CGO_ENABLED)),,-race)

# Go modules with code of ours. The parts of the local Kubernetes in deploy/local/components only name other
# people's programs: to compile those costs half an hour of CPU, which only the end-to-end tests need to spend.
FILES := git -c safe.directory='*' ls-files --cached --others --exclude-standard
export MODULES := $(filter-out tools deploy/local/components/%,$(patsubst %/,%,$(dir $(shell $(FILES) -- go.mod '*/go.mod'))))

comma := ,
# each runs a command in every module, and fails at the end when it failed in one of them.
each = failed=; for module in $(MODULES); do (cd $$module && $(1)) || failed+=" $$module"; done; \
	if [[ -n $$failed ]]; then echo "make $@: failed in module$$failed" >&2; exit 1; fi

# The pinned tools of tools/go.mod, built once for each version of them and of Go.
TOOLS := $(SEAMOUNT_CACHE)/tools/$(shell { cat tools/go.mod tools/go.sum; go env GOVERSION; } | sha256sum | cut -c1-16)
CONTROLLER_GEN := $(TOOLS)/controller-gen
GENERATORS := $(CONTROLLER_GEN) $(TOOLS)/protogen $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-go-grpc
GOLANGCI_LINT := $(TOOLS)/golangci-lint-kube-api-linter

$(TOOLS)/%:
	@echo "building $* (minutes when it is new)"
	@mkdir -p $(@D) && cd tools && nice go build -ldflags="-s -w" -o $@.$$$$ "$$(go list tool | grep '/$*$$')" && mv $@.$$$$ $@

##@ General

.PHONY: help
help: ## Print this
	@awk ' \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^## / { about = substr($$0, 4) } \
		/^[A-Z_]+ \?=/ { name = $$1; value = $$0; sub(/^[A-Z_]+ \?= */, "", value); \
			printf "  %-15s %s%s\n", name, about, value ~ /\((shell|notdir) |^$$/ ? "" : " [" value "]" } \
		/^[a-z][a-z-]*:.* ## / { name = $$0; sub(/:.*/, "", name); about = $$0; sub(/.* ## /, "", about); \
			printf "  %-15s %s\n", name, about }' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## Install the Debian packages that builds and tests need (as root; quick when they are there)
	@tools/packages.sh build test

.PHONY: deps-build
deps-build:
	@[[ $(CGO_ENABLED) == 0 ]] || tools/packages.sh build

.PHONY: clean
clean: ## Remove bin/; caches outside the repository stay
	rm -rf bin

##@ Development

.PHONY: check
check: ## Before each commit: generate, fmt, then verify, vet, lint, house, unit
	@$(if $(CI),,$(MAKE) generate fmt;) $(MAKE) verify vet lint house unit; echo "make check: passed in $$SECONDS s"

.PHONY: generate
generate: $(GENERATORS) ## Write what follows from the API types, the agent's .proto and the Helm chart
	@tools/generate.sh $(TOOLS)

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## Format all Go code
	@$(call each,$(GOLANGCI_LINT) fmt)

.PHONY: verify
verify: $(GENERATORS) ## Fail when generated files or a go.mod are stale
	@tools/generate.sh $(TOOLS) --check
	@$(call each,go mod tidy -diff)
	@cd tools && go mod tidy -diff

.PHONY: vet
vet: ## Compile and vet everything without cgo; with cgo and with the end-to-end tests, lint does
	@CGO_ENABLED=0 GOGC=400 go vet ./...

.PHONY: lint
lint: $(GOLANGCI_LINT) deps-build ## golangci-lint, with kube-api-linter for api/
	@$(call each,$(GOLANGCI_LINT) run)

.PHONY: house
house: ## Import law, budgets, names, licences: the rules of this repository
	@go test -count=1 ./tests/house

.PHONY: report
report: ## Print how long functions are, and the licences of what is linked
	@go test -count=1 -v -run '^(TestReportFunctionLengths|TestLicences)$$' ./tests/house | sed -n 's/^ *house_test.go:[0-9]*: //p'

##@ Tests

# In these packages one goroutine does everything, so that the race detector has nothing to find. With it they take up to ten times
# as long, and Helm and the libraries of API servers would be compiled once more for them alone.
UNRACED := (/deploy/helm/.*|/agent/erase|/agent/partition|/operator/app|/operator/plan|/tests/docs|/tests/validation)$$
# Of operator/app these run controllers at once, and have it.
AT_ONCE := ^(TestNew|TestMetricsFollow)$$
# tests <!: those without the race detector> <flags of go test>. Collecting garbage seldom saves compilers, linkers and tests a sixth
# of their time.
tests = go list $(UNIT) | grep -v /tests/house$$ | awk '$(1)($$0 !~ "$(UNRACED)" && $$0 ~ "$(RACED)")' | GOGC=400 xargs -r go test -vet=off -timeout 40m $(2)

.PHONY: unit
unit: deps-build ## Tests that need no root, no Ceph and no Kubernetes, with -race where much is done at once (vet is a target of its own)
	@$(call each,{ bad=; { $(call tests,,$(RACE)); } || bad=1; { $(call tests,!); } || bad=1; [[ -z $$bad ]]; })
	@$(if $(and $(RACE),$(filter ./...,$(UNIT)),$(filter .,$(RACED))),go test -vet=off $(RACE) -run '$(AT_ONCE)' ./operator/app)

.PHONY: test
test: deps ## Every test, also on real Ceph and real Kubernetes (as root)
	@tools/test.sh

.PHONY: test-long
test-long: deps ## For hours: the operator, workers and all of CSI killed often, 200 volumes, every fuzz target, 5,000 OSDs (as root)
	@tools/test.sh long

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@tools/fuzz.sh

.PHONY: bench
bench: deps-build ## Print the figures of the benchmarks
	@go test -tags=$(BENCH_TAGS)$(comma)$(TAGS) -run '^$$' -bench '$(BENCH)' -benchmem -p 1 -timeout 60m $(PKG)

##@ Build

# Programs that go where Ceph's libraries are not, and so are linked statically.
STATIC := helm kubectl-seamount seamount-node
COMMANDS := $(notdir $(patsubst %/,%,$(wildcard cmd/*/)))
# program <module> <package> <name>
program = cd $(1) && $(if $(filter $(3),$(STATIC)),CGO_ENABLED=0) GOGC=$${GOGC:-400} go build -trimpath -ldflags="$(LDFLAGS)" -o $(CURDIR)/bin/$(3) $(2)

.PHONY: build
build: deps-build $(COMMANDS:%=bin/%) bin/seamount-local bin/seamount-images ## Build all programs into bin/

.PHONY: FORCE
FORCE:

bin/seamount-local bin/seamount-images: STATIC += seamount-local seamount-images
bin/seamount-local: FORCE
	@$(call program,deploy/local,./cmd/seamount-local,seamount-local)

bin/seamount-images: FORCE
	@$(call program,images,./cmd/seamount-images,seamount-images)

bin/helm: FORCE
	@$(call program,deploy/helm,helm.sh/helm/v4/cmd/helm,helm)

bin/%: FORCE
	@$(call program,.,./cmd/$*,$*)

##@ A Kubernetes on this machine (as root)

.PHONY: up
up: bin/seamount-local ## Try Seamount: Kubernetes, storage on its disks, a database and shared files on volumes of it
	@bin/seamount-local trial up $(ARGS)

.PHONY: down
down: bin/seamount-local ## Remove all that up made, to the last mount
	@bin/seamount-local trial down

.PHONY: local-build
local-build: bin/seamount-local ## Only compile that Kubernetes, which takes long the first time
	@bin/seamount-local build >/dev/null

.PHONY: local-up
local-up: bin/seamount-local ## Start only a real Kubernetes of one to five nodes; the first time it is compiled
	@bin/seamount-local up $(ARGS)

.PHONY: local-down
local-down: bin/seamount-local ## Stop it and remove what it made
	@bin/seamount-local down $(ARGS)

.PHONY: images
images: bin/seamount-images $(COMMANDS:%=bin/%) ## Build the container images, without a registry
	@bin/seamount-images build $(IMAGES)
