# scrim: the two that matter are run and test; .ci/run runs test.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.stamp=$(VERSION)
GO      ?= go

# An empty environment has neither the Go tool in its path nor a place for its cache.
export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin
ifeq ($(HOME),)
export GOCACHE := $(CURDIR)/.cache/go-build
export GOPATH  := $(CURDIR)/.cache/go
endif

.PHONY: all build run test test-long bench lint tools clean

all: build

# A static binary in bin/scrim.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/scrim ./cmd/scrim

# Builds, and serves with the defaults that are in the binary; state in ./scrim-state.
run: build
	bin/scrim serve

# Everything that CI holds true. Missing peers (curl, nft, syncthing …) are installed where we are root on Debian.
test: tools lint
	$(GO) test -race -timeout 15m ./...
	.ci/fuzz 5s

# The long way: every fuzz target for an hour.
test-long: tools
	SCRIM_LONG=1 $(GO) test -timeout 3h ./...
	.ci/fuzz 1h

# Costs beside a peer's, measured in one run.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./rules/...
	$(GO) run ./bench

lint:
	$(GO) vet ./...
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt-clean:"; echo "$$unformatted"; exit 1; fi

tools:
	@.ci/tools

clean:
	rm -rf bin dist
