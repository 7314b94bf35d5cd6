#!/usr/bin/env bash
# Finds Prometheus and its promtool, or fetches Debian's package into $TRIPOD_TEST_CACHE (default: target/test-cache) without installing it,
# and prints the folder they are in. Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
  dirname "$(command -v promtool)"
  exit 0
fi

cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
bin="$cache/prometheus/usr/bin"

# Several tests may ask at once: one fetches, the others wait.
exec 9>"$cache/prometheus.lock"
flock 9
if [ ! -x "$bin/promtool" ]; then
  missing="tests: prometheus and promtool are missing. On Debian: sudo apt-get install prometheus"
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "$missing" >&2
    exit 3
  fi
  echo "tests: fetching Debian's prometheus into $cache …" >&2
  work="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  if ! (cd "$work" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; }) >&2; then
    echo "$missing" >&2
    exit 3
  fi
  dpkg-deb -x "$work"/prometheus_*.deb "$work/unpacked"
  rm -rf "$cache/prometheus"
  mv "$work/unpacked" "$cache/prometheus"
fi
echo "$bin"
