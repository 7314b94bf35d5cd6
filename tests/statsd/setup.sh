#!/usr/bin/env bash
# Fetches StatsD, the original, from npm into $TRIPOD_TEST_CACHE (default: target/test-cache) where it is missing, and prints the folder that
# its stats.js is in. Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

version=0.9.0
cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
folder="$cache/statsd-$version"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "tests: node and npm are missing. On Debian: sudo apt-get install nodejs npm" >&2
  exit 3
fi

# Several tests may ask at once: one fetches, the others wait.
exec 9>"$cache/statsd.lock"
flock 9
if [ ! -e "$folder/ready" ]; then
  echo "tests: fetching statsd $version from npm into $folder …" >&2
  rm -rf "$folder"
  mkdir -p "$folder"
  echo '{"private": true}' >"$folder/package.json"
  # What is optional is compiled, and not needed.
  if ! npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --omit=optional "statsd@$version" >&2; then
    echo "tests: npm has no statsd $version here" >&2
    exit 3
  fi
  touch "$folder/ready"
fi
echo "$folder/node_modules/statsd"
