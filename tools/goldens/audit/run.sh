#!/usr/bin/env bash
# Makes the goldens of `resurge audit` in the environment of tools/goldens/run.sh; arguments go to make_audit.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${GOLDENS_VENV:-/opt/goldens-venv}
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet -r "$here/../requirements.txt"
fi
export PYTHONPATH="$here/../../../python/resurge-audit/src:$here"
exec nice "$venv/bin/python" -W ignore "$here/make_audit.py" "$@"
