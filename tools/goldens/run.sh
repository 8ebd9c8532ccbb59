#!/usr/bin/env bash
# Makes the environment if it is missing, then regenerates tools/goldens/data (arguments go to make_goldens.py, so
# `run.sh --check` compares instead). Needs Python 3.11 or later, g++, and about 7 GB for the environment.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${GOLDENS_VENV:-/opt/goldens-venv}
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet -r "$here/requirements.txt"
fi
exec nice "$venv/bin/python" -W ignore::FutureWarning "$here/make_goldens.py" "$@"
