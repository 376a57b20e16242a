# Two commands matter to a newcomer: make demo and make test.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO ?= go
export GOFLAGS ?= -buildvcs=false

.PHONY: demo python install test test-containers test-clients lint bench bench-grade bench-emulators build fuzz generate clean prerequisites

DEMO_LAB ?= kinesis-partition-keys
# Where the demo works: a fresh folder each time, and no entry in your progress.
DEMO := $(shell mktemp -d -u $${TMPDIR:-/tmp}/pipelab-demo-XXXXXX)

demo: build python ## one lab from start to report, and what it did
	@set -e; mkdir -p $(DEMO); export PIPELAB_STATE=$(DEMO)/progress; \
	pipelab="$(CURDIR)/bin/pipelab"; lab="$(DEMO)/$(DEMO_LAB)"; \
	say() { printf '\n== %s\n' "$$1"; }; \
	trap 'cd "$$lab" 2>/dev/null && "$$pipelab" stop 2>/dev/null; rm -rf $(DEMO)' EXIT; \
	say "pipelab start: an emulated AWS, and in it what the lab provides"; \
	"$$pipelab" start $(DEMO_LAB) --dir "$$lab"; cd "$$lab"; \
	say "pipelab check: the starter fails, and is told why"; \
	if "$$pipelab" check --seed 1; then echo "error: the starter passed" >&2; exit 1; else test $$? -eq 1; fi; \
	say "pipelab solve: the reference solution"; "$$pipelab" solve --yes; \
	say "pipelab deploy"; "$$pipelab" deploy; \
	say "pipelab check: now every check passes"; "$$pipelab" check --seed 2; \
	say "pipelab progress"; "$$pipelab" progress; \
	say "done: a lab was started, failed, solved, deployed and passed, without Docker or an AWS account"; \
	echo "   your turn: bin/pipelab list"

python: build ## the Python environment that programs and functions run in
	@python3 -c 'import boto3' 2>/dev/null || bin/pipelab doctor --setup >/dev/null

build: prerequisites ## build bin/pipelab
	$(GO) build -o bin/pipelab ./cmd/pipelab

# Where make install puts the program; most systems have it on the PATH of their users.
BINDIR ?= $(HOME)/.local/bin

install: build ## put pipelab into BINDIR, ~/.local/bin where nothing else is said
	install -d "$(BINDIR)"
	install -m 755 bin/pipelab "$(BINDIR)/pipelab"
	@case ":$$PATH:" in *":$(BINDIR):"*) ;; *) echo "to type pipelab: export PATH=$(BINDIR):\$$PATH";; esac

test: build python ## everything that must hold, with the race detector; then every lab proves itself
	$(GO) vet ./...
	$(GO) test -race -shuffle=on -timeout 25m ./...
	bin/pipelab lab test --all

test-containers: python ## the labs on LocalStack and MiniStack; as root on Debian it installs Docker
	localstack/test.sh

CLIENTS ?=
test-clients: prerequisites ## real clients as they come, and docs/clients.md; CLIENTS="boto3 sam" for some of them
	$(GO) run ./internal/bench/clients $(if $(CLIENTS),$(CLIENTS),-docs docs/clients.md)

bench: build ## ratios against a baseline of the same run
	$(GO) run ./internal/bench bin/pipelab

CLASSES ?= 50 100 200
HOSTILE ?= 0
bench-grade: build python ## time and memory of grading classes of several sizes; with HOSTILE=60 members who mean harm
	$(GO) run ./internal/bench/classes -hostile $(HOSTILE) bin/pipelab $(CLASSES)

bench-emulators: build python ## the embedded AWS, LocalStack and MiniStack side by side; BENCHFLAGS=-json
	$(GO) run ./internal/bench/emulators $(BENCHFLAGS) bin/pipelab

FUZZTIME ?= 1m
fuzz: ## every decoder for FUZZTIME each, panics become seeds under testdata
	@grep -rl '^func Fuzz' internal --include=*_test.go | while read -r file; do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' "$$file"); do \
			echo "== $$(dirname "$$file") $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s "./$$(dirname "$$file")"; \
		done; \
	done

lint: ## the linters, as CI runs them; builds the pinned golangci-lint once
	.ci/lint

generate: ## rewrite generated files
	$(GO) generate ./...
	$(GO) test ./internal/aws/cloud -run TestMembers_areThoseThatTheCodeReads -update

clean:
	rm -rf bin

# One sentence for each thing that is missing, with the way to get it.
prerequisites:
	@command -v $(GO) >/dev/null || { echo "error: Go is missing: install Go 1.26 or newer from https://go.dev/dl/" >&2; exit 3; }
	@command -v cc >/dev/null || command -v gcc >/dev/null || { echo "error: a C compiler is missing (DuckDB needs it): apt-get install gcc, or xcode-select --install" >&2; exit 3; }
	@command -v python3 >/dev/null || { echo "error: Python 3 is missing (handlers run in it): apt-get install python3 python3-venv" >&2; exit 3; }
