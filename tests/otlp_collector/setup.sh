#!/usr/bin/env bash
# Finds the OpenTelemetry Collector built by an earlier run, or builds it into $TRIPOD_TEST_CACHE (default: target/test-cache) from the
# sources that Debian's unstable has as packages, with the Go that is here, and prints its path. Nothing is installed. Exit code 3: not to
# be had here.
set -euo pipefail
cd "$(dirname "$0")"

cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
collector="$cache/otelcol-$(cat main.go packages.txt | sha256sum | cut -c1-16)"

# Several tests may ask at once: one builds, the others wait.
exec 9>"$cache/otelcol.lock"
flock 9
if [ ! -x "$collector" ]; then
  give_up() {
    echo "tests: the OpenTelemetry Collector can't be built here: $1" >&2
    exit 3
  }
  for program in go apt-get dpkg-deb; do
    command -v "$program" >/dev/null || give_up "$program is missing. On Debian: sudo apt-get install golang"
  done
  work="$(mktemp -d "$cache/otelcol.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/{lists/partial,archives/partial,debs,root}
  : >"$work/status"
  # Lists and archives of its own: the system's are not touched, and it stays with the release that it has.
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keyring] http://deb.debian.org/debian sid main" >"$work/sources.list"
  cat >"$work/apt.conf" <<EOF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
APT::Sandbox::User "";
EOF
  export APT_CONFIG="$work/apt.conf"
  echo "tests: fetching the Collector's sources into $cache and building it …" >&2
  apt-get update -qq >&2 || give_up "Debian's unstable is not reached"
  mapfile -t packages <packages.txt
  (cd "$work/debs" && apt-get download -qq "${packages[@]}") >&2 || give_up "its sources are not to be had"
  for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/root"
  done
  export GO111MODULE=off GOPATH="$work/root/usr/share/gocode" GOFLAGS= GOPROXY=off GOTOOLCHAIN=local GOCACHE="$work/gocache"
  mkdir -p "$GOPATH/src/tripod.test/otelcol"
  cp main.go "$GOPATH/src/tripod.test/otelcol/"
  (cd "$GOPATH/src/tripod.test/otelcol" && go build -trimpath -ldflags='-s -w' -o "$work/otelcol" .) >&2 ||
    give_up "the Go compiler refuses its sources"
  mv "$work/otelcol" "$collector"
fi
echo "$collector"
