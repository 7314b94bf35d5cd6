#!/usr/bin/env bash
# Fetches Debian packages, with what they need and this machine lacks, into $TRIPOD_TEST_CACHE (default: target/test-cache), or where root's
# is closed to others into /var/tmp/tripod-tests, without installing them, and prints a folder with the programs that were asked for: each is started with the libraries it came with.
#
#   fetch.sh redis 'usr/bin' redis-server -- redis-server
#
# is: a name for the folder, where the programs are (a pattern), the packages, the programs. Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

name=$1 where=$2
shift 2
packages=()
while [ "$1" != -- ]; do
  packages+=("$1")
  shift
done
shift
programs=("$@")

cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"

# What root starts runs as nobody, who has to get there: not below a home, which mostly is root's alone.
open_to_all() {
  local path=$1
  while [ "$path" != / ]; do
    (($(stat -c '0%a' "$path") & 1)) || return 1
    path="$(dirname "$path")"
  done
}
if [ "$(id -u)" = 0 ] && ! open_to_all "$cache"; then
  cache=/var/tmp/tripod-tests
  install -d -m 755 "$cache"
fi
folder="$cache/debian-$name"

# Several tests may ask at once: one fetches, the others wait.
exec 9>"$cache/debian-$name.lock"
flock 9
if [ ! -e "$folder/bin/${programs[0]}" ]; then
  give_up() {
    echo "tests: ${programs[*]} missing. On Debian: sudo apt-get install ${packages[*]}" >&2
    exit 3
  }
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || give_up
  echo "tests: fetching Debian's ${packages[*]} into $cache …" >&2
  work="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/archives/partial"
  fetch() {
    apt-get -qq -y --no-install-recommends --download-only -o Debug::NoLocking=1 -o "Dir::Cache::archives=$work/archives" \
      -o APT::Sandbox::User= install "${packages[@]}" >&2
  }
  fetch || { apt-get -qq update >&2 && fetch; } || give_up
  for package in "$work"/archives/*.deb; do
    dpkg-deb -x "$package" "$work/root" || give_up
  done
  rm -rf "$folder"
  mkdir -p "$folder/bin"
  mv "$work/root" "$folder/root"
  libraries=
  for path in "$folder"/root/{usr/,}lib/*-linux-gnu*; do
    libraries+="${libraries:+:}$path"
  done
  for program in "${programs[@]}"; do
    # shellcheck disable=SC2086
    path="$(compgen -G "$folder/root/"$where"/$program" | head -1)" || give_up
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "%s" "$@"\n' "$libraries" "$path" >"$folder/bin/.$program"
    chmod +x "$folder/bin/.$program"
  done
  # The first program's is the sign that all is there.
  for ((at = ${#programs[@]} - 1; at >= 0; at--)); do
    mv "$folder/bin/.${programs[at]}" "$folder/bin/${programs[at]}"
  done
fi
echo "$folder/bin"
