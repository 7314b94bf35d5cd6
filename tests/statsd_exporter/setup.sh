#!/usr/bin/env bash
# Builds Prometheus' StatsD exporter with Go into $TRIPOD_TEST_CACHE (default: target/test-cache) where it is missing, and prints its path.
# Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

version=v0.31.0
cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
program="$cache/statsd_exporter-$version"

# Several tests may ask at once: one builds, the others wait.
exec 9>"$cache/statsd_exporter.lock"
flock 9
if [ ! -x "$program" ]; then
  if ! command -v go >/dev/null; then
    echo "tests: Go is missing, which builds statsd_exporter: see https://go.dev/dl" >&2
    exit 3
  fi
  echo "tests: building statsd_exporter $version into $cache …" >&2
  work="$(mktemp -d "$cache/build.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  if ! GOPATH="$work/path" GOCACHE="$work/cache" GOBIN="$work/bin" GOFLAGS=-modcacherw GOTOOLCHAIN=local \
    go install -ldflags=-s "github.com/prometheus/statsd_exporter@$version" >&2; then
    echo "tests: statsd_exporter can't be built here" >&2
    exit 3
  fi
  mv "$work/bin/statsd_exporter" "$program"
fi
echo "$program"
