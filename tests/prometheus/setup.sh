#!/usr/bin/env bash
# Finds programs of Prometheus', or fetches Debian's package into $TRIPOD_TEST_CACHE (default: target/test-cache) without installing it, and
# prints the folder they are in.
#
#   setup.sh                            prometheus and promtool
#   setup.sh prometheus-newest          prometheus of version 3, which is in the newest Debian
#   setup.sh promtool-newest            promtool alone, of version 3
#   setup.sh prometheus-pushgateway     the Pushgateway
#   setup.sh prometheus-node-exporter   the exporter of a machine's metrics
#
# Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

package="${1:-prometheus}"
case "$package" in
  prometheus) programs=(prometheus promtool) ;;
  prometheus-newest) programs=(prometheus) ;;
  promtool-newest) programs=(promtool) ;;
  prometheus-pushgateway | prometheus-node-exporter) programs=("$package") ;;
  *) echo "tests: no package $package here" >&2; exit 2 ;;
esac

is_new_enough() {
  [ "${package%-newest}" = "$package" ] || "${programs[0]}" --version 2>&1 | grep -q ', version 3'
}

if command -v "${programs[@]}" >/dev/null && is_new_enough && [ "$(command -v "${programs[@]}" | wc -l)" = ${#programs[@]} ]; then
  dirname "$(command -v "${programs[0]}")"
  exit 0
fi

cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
bin="$cache/$package/usr/bin"

# Several tests may ask at once: one fetches, the others wait.
exec 9>"$cache/$package.lock"
flock 9
if [ ! -x "$bin/${programs[0]}" ]; then
  missing="tests: ${programs[*]} missing. On Debian: sudo apt-get install $package"
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "$missing" >&2
    exit 3
  fi
  echo "tests: fetching Debian's $package into $cache …" >&2
  work="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  apt=(apt-get -qq)
  if [ "${package%-newest}" != "$package" ]; then
    # Debian's unstable, beside what the machine has and without changing it.
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main" >"$work/sources.list"
    apt+=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
      -o "Dir::Cache=$work")
    "${apt[@]}" update >&2 || true
  fi
  name="${package%-newest}"
  if ! (cd "$work" && { "${apt[@]}" download "$name" || { "${apt[@]}" update && "${apt[@]}" download "$name"; }; }) >&2; then
    echo "$missing" >&2
    exit 3
  fi
  dpkg-deb -x "$work/$name"_*.deb "$work/unpacked"
  rm -rf "${cache:?}/$package"
  mv "$work/unpacked" "$cache/$package"
fi
echo "$bin"
