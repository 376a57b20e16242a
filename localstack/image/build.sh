#!/usr/bin/env bash
# Builds the images of images.env from packages of PyPI, npm, Maven Central and
# Debian. The images then start without a network.
#
#   localstack/image/build.sh [localstack|ministack]...     both without a word
#
# What this machine uses to reach its registries (mirror, proxy, certificates)
# is used while building and is in no image. DEBIAN_MIRROR=URL names another
# mirror. Needs Docker, and root and debootstrap where Debian's image cannot be
# pulled.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../images.env
set -a; . "$here/../images.env"; set +a
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $1"; [ $# -lt 2 ] || say "hint: $2"; exit 3; }

docker version >/dev/null 2>&1 || die "no Docker engine answers" "start one: localstack/test.sh --engine"

# The mirror that this machine's own apt uses, if it is a Debian.
mirror() {
	if [ -n "${DEBIAN_MIRROR:-}" ]; then echo "$DEBIAN_MIRROR"; return; fi
	{ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
		sed -nE 's/^(URIs:|deb( +\[[^]]*\])?) +([^ ]+\/debian\/?)( .*)?$/\3/p' | head -n 1
}

# The base is Debian's image, or one made here out of packages.
base() {
	local tag=pipelab/debian:$DEBIAN_RELEASE root from
	if docker image inspect "$tag" >/dev/null 2>&1; then echo "$tag"; return; fi
	say "pulling debian:$DEBIAN_RELEASE-slim"
	if timeout 300 docker pull -q "debian:$DEBIAN_RELEASE-slim" >/dev/null 2>&1; then
		docker tag "debian:$DEBIAN_RELEASE-slim" "$tag"
		echo "$tag"
		return
	fi
	say "it cannot be pulled; making a Debian $DEBIAN_RELEASE out of packages, which takes two minutes"
	command -v debootstrap >/dev/null || die "debootstrap is missing" "apt-get install -y debootstrap"
	root=$context/root
	from=$(mirror)
	debootstrap --variant=minbase --include=ca-certificates "$DEBIAN_RELEASE" "$root" ${from:+"$from"} >"$context/log" 2>&1 ||
		{ tail -n 5 "$context/log" >&2; die "debootstrap failed" "is $DEBIAN_RELEASE on the mirror? DEBIAN_MIRROR=URL names another"; }
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
	tar -C "$root" -c . | docker import - "$tag" >/dev/null
	rm -rf "$root"
	echo "$tag"
}

# How this machine reaches its registries, laid out as it must lie there.
machine() {
	local to=$context/machine from f
	mkdir -p "$to/etc/apt/apt.conf.d" "$to/usr/local/share/ca-certificates" "$to/root/.m2"
	from=$(mirror)
	if [ -n "$from" ]; then echo "deb $from $DEBIAN_RELEASE main" >"$to/etc/apt/sources.list"; fi
	for f in /etc/apt/apt.conf.d/*; do
		if [ -f "$f" ] && grep -q '^ *Acquire::' "$f"; then cp "$f" "$to/etc/apt/apt.conf.d/98machine-${f##*/}"; fi
	done
	for f in /usr/local/share/ca-certificates/*.crt; do
		if [ -f "$f" ]; then cp "$f" "$to/usr/local/share/ca-certificates/"; fi
	done
	for f in /etc/pip.conf "$HOME/.config/pip/pip.conf"; do
		if [ -f "$f" ]; then cp "$f" "$to/etc/pip.conf"; fi
	done
	if [ -f "$HOME/.npmrc" ]; then cp "$HOME/.npmrc" "$to/root/.npmrc"; fi
	if [ -f "$HOME/.m2/settings.xml" ]; then cp "$HOME/.m2/settings.xml" "$to/root/.m2/settings.xml"; fi
	# A proxy or an index may also be named by the environment alone.
	for f in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
		if [ -n "${!f:-}" ]; then printf 'export %s=%q\n' "$f" "${!f}"; fi
	done >"$to/root/environment"
}

targets=("$@")
[ $# -gt 0 ] || targets=(ministack localstack)
BASE=$(base)
machine
cp "$here/Dockerfile" "$here/localstack.lock" "$context/"
cp -r "$here/executor" "$context/executor"
# Functions run with the same bootstraps as in the embedded AWS.
cp "$here"/../../internal/aws/runtime/bootstrap/bootstrap.* "$context/executor/pipelab_executor/"
rm -rf "$context"/executor/pipelab_executor/__pycache__
for target in "${targets[@]}"; do
	case $target in
	localstack) tag=$LOCALSTACK_BUILT_IMAGE ;;
	ministack) tag=$MINISTACK_BUILT_IMAGE ;;
	*) die "there is no image \"$target\"" "localstack or ministack" ;;
	esac
	say "building $tag"
	# The plain builder needs no plug-in; stages that a target does not need cost
	# it nothing the second time.
	DOCKER_BUILDKIT=0 docker build -q --network host --target "$target" --tag "$tag" \
		--build-arg BASE="$BASE" --build-arg LOCALSTACK_VERSION --build-arg KINESIS_LOCAL_VERSION \
		--build-arg DYNAMODB_LOCAL_VERSION --build-arg MINISTACK_VERSION \
		"$context" >"$context/log" 2>&1 || { tail -n 20 "$context/log" >&2; die "building $tag failed"; }
	docker image inspect --format '{{.Size}}' "$tag" | awk -v tag="$tag" '{printf "%s: %.0f MB\n", tag, $1 / 1000000}'
done
