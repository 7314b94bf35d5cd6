#!/usr/bin/env bash
# Installs the Node packages of the tests where they are missing or out of date, and prints the folder that has them. It is kept in
# $TRIPOD_TEST_CACHE (default: target/test-cache). Exit code 3: not to be had here.
#
#   setup.sh            what decodes OTLP
#   setup.sh grafana    what checks dashboards: the packages of the folder of this name
set -euo pipefail
packages="$(realpath "$(dirname "$0")/${1:-.}")"
cd "$(dirname "$0")"

cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
for program in node npm; do
  if ! command -v "$program" >/dev/null; then
    echo "tests: $program is missing. On Debian: sudo apt-get install nodejs npm" >&2
    exit 3
  fi
done
folder="$cache/node-$(cd "$packages" && sha256sum package.json package-lock.json | sha256sum | cut -c1-16)"

# Several tests may ask at once: one installs, the others wait.
exec 9>"$cache/node.lock"
flock 9
if [ ! -e "$folder/ready" ]; then
  echo "tests: installing packages of Node into $folder …" >&2
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$packages/package.json" "$packages/package-lock.json" "$folder/"
  (cd "$folder" && npm ci --silent --no-audit --no-fund --ignore-scripts --omit=peer) >&2
  touch "$folder/ready"
fi
echo "$folder"
