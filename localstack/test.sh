#!/usr/bin/env bash
# PipeLab on containers: the driver's tests and every lab's solution, on
# LocalStack and on MiniStack, and what keeps learners' programs in a container.
# On a Debian machine as root it sees to a container engine itself; the images are
# built where they are missing.
#
#   localstack/test.sh             everything
#   localstack/test.sh --engine    only see to an engine that answers
#   localstack/test.sh --if-engine everything where an engine answers, and else
#                                  nothing but a line that says so
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=images.env
. localstack/images.env

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $1"; [ $# -lt 2 ] || say "hint: $2"; exit 3; }
answers() { timeout 10 docker info >/dev/null 2>&1; }

# start_engine runs dockerd with the given flags until it answers or ends.
start_engine() {
	local log=${TMPDIR:-/tmp}/pipelab-dockerd.log pid
	setsid nohup dockerd "$@" >"$log" 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 60); do
		if answers; then say "started dockerd $* (its log: $log)"; return 0; fi
		if ! kill -0 "$pid" 2>/dev/null; then break; fi
		sleep 1
	done
	kill "$pid" 2>/dev/null || true
	say "dockerd $* did not start: $(tail -n 1 "$log")"
	return 1
}

engine() {
	if answers; then return; fi
	[ "$(id -u)" = 0 ] || die "no container engine answers" "start Docker, or run this as root on Debian"
	if ! command -v dockerd >/dev/null; then
		command -v apt-get >/dev/null || die "there is no dockerd, and no apt-get to install it with" "install Docker"
		say "installing docker.io"
		apt-get update -qq >/dev/null
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker.io debootstrap >/dev/null 2>&1 || die "docker.io cannot be installed" "see why: apt-get install docker.io"
	fi
	# A file system over others is not possible everywhere; copies always are.
	start_engine || start_engine --storage-driver=vfs || die "dockerd does not start on this machine"
}

# missing are the images that have to be built.
missing() {
	docker image inspect "$MINISTACK_BUILT_IMAGE" >/dev/null 2>&1 || echo ministack
	docker image inspect "$LOCALSTACK_BUILT_IMAGE" >/dev/null 2>&1 || echo localstack
}

images() {
	local build
	mapfile -t build < <(missing)
	if [ ${#build[@]} -eq 0 ]; then return; fi
	if ! docker image inspect "pipelab/debian:$DEBIAN_RELEASE" >/dev/null 2>&1 && ! command -v debootstrap >/dev/null && [ "$(id -u)" = 0 ]; then
		# The base may be there to pull if this fails.
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap; } >/dev/null 2>&1 || true
	fi
	localstack/image/build.sh "${build[@]}"
}

if [ "${1:-}" = --if-engine ] && ! answers; then
	say "left out: the labs on LocalStack and MiniStack, because no container engine answers; make test-containers sees to it"
	exit 0
fi
engine
if [ "${1:-}" = --engine ]; then exit 0; fi
images
# What is skipped elsewhere must run here.
export PIPELAB_CONTAINERS=required GOFLAGS=${GOFLAGS:--buildvcs=false}
# The sandbox needs an image with Python and boto3, whichever that is.
export PIPELAB_SANDBOX_IMAGE=${PIPELAB_SANDBOX_IMAGE:-$MINISTACK_BUILT_IMAGE}
${GO:-go} test -race -count=1 -run Container ./internal/sandbox
${GO:-go} test -race -count=1 -timeout 60m ./internal/emulator/localstack/...
