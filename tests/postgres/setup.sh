#!/usr/bin/env bash
# Finds PostgreSQL's `postgres` and `initdb` in PATH or where Debian puts them, or fetches Debian's, and prints the folder they are in. Exit
# code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

for initdb in "$(command -v initdb || true)" $(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -rV); do
  folder="$(dirname "$initdb")"
  if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
    echo "$folder"
    exit 0
  fi
done
exec ../debian/fetch.sh postgresql 'usr/lib/postgresql/*/bin' postgresql -- postgres initdb
