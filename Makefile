# Sluice. 'make help' lists the targets.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
DATE    ?= $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)
IMAGE   ?= sluice:$(VERSION)

# Tools, built into .tools in the version that is pinned here; go.mod stays free of them.
GOFUMPT_VERSION  := v0.12.0
GOLANGCI_VERSION := v2.15.0
GOFUMPT  := .tools/gofumpt-$(GOFUMPT_VERSION)
GOLANGCI := .tools/golangci-lint-$(GOLANGCI_VERSION)

# One way to compile whatever links Traefik (the binary, the image, the tests above
# gateway/edge): its two thousand packages are then compiled once.
STATIC  := CGO_ENABLED=0
RELEASE := -trimpath
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

CHECKS := format tidy compile generated archtest vet unit unit-edge unit-modules lint

.DEFAULT_GOAL := help

##@ Use

.PHONY: help run build image
help: ## show this list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile

run: build ## build, then serve the sample tenants with stand-in Odoos
	@exec bin/sluice demo

build: ## build bin/sluice and bin/standin
	$(STATIC) go build $(RELEASE) -ldflags "$(LDFLAGS)" -o bin/sluice ./cmd/sluice
	$(STATIC) go build $(RELEASE) -ldflags "-s -w" -o bin/standin ./internal/standin/cmd/standin

image: ## build the container image with buildah
	scripts/image.sh $(IMAGE) --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg DATE=$(DATE)

##@ Prove

.PHONY: test check e2e bench bench-smoke image-test deps
test: ## everything that CI runs, cheap failures first
	@scripts/phases.sh deps $(CHECKS) e2e image-test bench-smoke

check: ## all of test but the end-to-end tests, the image and the benchmark
	@scripts/phases.sh $(CHECKS)

e2e: build ## drive the built binary from outside
	cd e2e && go vet ./... && go test -count=1 -timeout 30m ./...

bench: build bin/traefik ## compare with stock Traefik, nginx and HAProxy (about 20 minutes)
	cd e2e && go run ./bench $(BENCH)

bench-smoke: build bin/traefik ## the benchmark's machinery, not its figures
	cd e2e && go run ./bench -short

image-test: ## build the image from local parts only, then look at what is in it
	scripts/image-test.sh

deps: ## install the programs that tests drive (Debian packages)
	@scripts/deps.sh

##@ Parts of check

.PHONY: format tidy compile generated archtest vet unit unit-edge unit-modules lint
format: $(GOFUMPT) ## fail on a file that gofumpt would change
	@out=$$($(GOFUMPT) -l $$(git ls-files '*.go')); test -z "$$out" || { echo "$$out"; echo "run: make fmt"; exit 1; }

tidy: ## fail when go.mod or go.sum would change
	@for dir in . e2e third_party/*/; do (cd $$dir && go mod tidy -diff) || exit 1; done

compile: build bin/traefik ## everything that a later phase starts

generated: ## fail when NOTICE is out of step (unit tests hold the schemas and the reference)
	$(STATIC) go run ./internal/notice -check

archtest: ## who may import whom; every package says what it is for
	go test -count=1 ./internal/archtest

vet: ## go vet
	$(STATIC) go vet $(RELEASE) ./...

unit: ## unit tests with the race detector
	CGO_ENABLED=1 go test -race $$(scripts/packages.sh light)

unit-edge: ## unit tests of the packages that link Traefik
	$(STATIC) go test $(RELEASE) $$(scripts/packages.sh heavy)

unit-modules: ## tests of the small modules in third_party
	@for dir in third_party/*/; do (cd $$dir && go vet ./... && go test ./...) || exit 1; done

lint: $(GOLANGCI) ## golangci-lint
	$(STATIC) GOFLAGS="$$(go env GOFLAGS) $(RELEASE)" $(GOLANGCI) run

##@ Change

.PHONY: fmt notice schema clean
fmt: $(GOFUMPT) ## format all Go files
	$(GOFUMPT) -w $$(git ls-files '*.go')

notice: ## write NOTICE: the linked modules and their licences
	$(STATIC) go run ./internal/notice

schema: ## write the JSON Schemas and the references of commands and API
	go test ./config -run Schema -update
	go run ./internal/cli/reference > docs/reference/cli.md
	go run ./gateway/admin/reference > docs/reference/operations.md

clean: ## remove what was built (not the Go caches)
	rm -rf bin dist .run .tools

# Files.

bin/traefik: go.mod
	$(STATIC) go build $(RELEASE) -ldflags "-s -w" -o $@ github.com/traefik/traefik/v3/cmd/traefik

$(GOFUMPT):
	@$(call install,mvdan.cc/gofumpt@$(GOFUMPT_VERSION))

$(GOLANGCI):
	@$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION))

# A tool's file carries its version, so that a new pin builds a new file.
install = mkdir -p .tools && GOFLAGS= GOBIN=$(CURDIR)/.tools go install $(1) && mv .tools/$(notdir $(firstword $(subst @, ,$(1)))) $@
