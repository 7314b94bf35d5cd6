#!/usr/bin/env bash
# Finds `redis-server` in PATH, or fetches Debian's, and prints the folder it is in. Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

if command -v redis-server >/dev/null; then
  dirname "$(command -v redis-server)"
  exit 0
fi
exec ../debian/fetch.sh redis 'usr/bin' redis-server -- redis-server
