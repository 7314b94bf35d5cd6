#!/usr/bin/env bash
# Finds `wrk` in PATH, or fetches Debian's, and prints the folder it is in. Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

if command -v wrk >/dev/null; then
  dirname "$(command -v wrk)"
  exit 0
fi
exec ../debian/fetch.sh wrk 'usr/bin' wrk -- wrk
