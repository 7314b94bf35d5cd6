#!/usr/bin/env bash
# Makes the Python environment of the tests where it is missing or out of date, and prints the path of its interpreter.
#
# It is kept in $TRIPOD_TEST_CACHE (default: target/test-cache); the name of its folder is a hash of what is in it.
#
#   setup.sh [REQUIREMENTS]   a file other than requirements.txt says what is to be in it
set -euo pipefail
requirements="$(realpath "${1:-"$(dirname "$0")/requirements.txt"}")"
cd "$(dirname "$0")"

cache="${TRIPOD_TEST_CACHE:-../../target/test-cache}"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
python="${PYTHON:-python3}"

if ! command -v "$python" >/dev/null; then
  echo "tests: $python is missing. On Debian: sudo apt-get install python3 python3-venv" >&2
  exit 2
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  echo "tests: $("$python" --version) is too old: Python 3.10 or later is needed; name one in \$PYTHON" >&2
  exit 2
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "tests: Python's venv is missing. On Debian: sudo apt-get install python3-venv" >&2
  exit 2
fi

wanted="$({ "$python" --version; cat "$requirements"; } | sha256sum | cut -c1-16)"
venv="$cache/python-$wanted"

# Several tests may ask at once: one makes it, the others wait.
exec 9>"$cache/python.lock"
flock 9
if [ ! -e "$venv/ready" ]; then
  echo "tests: installing what the tests need of Python into $venv …" >&2
  rm -rf "$venv"
  "$python" -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
  touch "$venv/ready"
fi
echo "$venv/bin/python"
