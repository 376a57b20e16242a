# Two commands matter to a newcomer: make build and make test.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO ?= go
export GOFLAGS ?= -buildvcs=false

.PHONY: test lint bench build fuzz generate clean prerequisites

build: prerequisites ## build bin/pipelab
	$(GO) build -o bin/pipelab ./cmd/pipelab

test: prerequisites ## everything that must hold, with the race detector
	$(GO) vet ./...
	$(GO) test -race -shuffle=on ./...

bench: build ## ratios against a baseline of the same run
	$(GO) test -run '^$$' -bench . -benchtime 1s ./...

lint: ## needs golangci-lint v2
	golangci-lint run

generate: ## rewrite generated files
	$(GO) generate ./...

clean:
	rm -rf bin

# One sentence for each thing that is missing, with the way to get it.
prerequisites:
	@command -v $(GO) >/dev/null || { echo "error: Go is missing: install Go 1.26 or newer from https://go.dev/dl/" >&2; exit 3; }
	@command -v cc >/dev/null || command -v gcc >/dev/null || { echo "error: a C compiler is missing (DuckDB needs it): apt-get install gcc, or xcode-select --install" >&2; exit 3; }
	@command -v python3 >/dev/null || { echo "error: Python 3 is missing (handlers run in it): apt-get install python3 python3-venv" >&2; exit 3; }
