#!/bin/sh
# Make .venv where there is none that works: Python 3.11 or newer, with pip.
set -eu

# Asked of the program itself: a name on PATH may be a placeholder for a version that is not installed.
is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

if is_new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then
    exit 0
fi

incomplete=
for python in python3.13 python3.12 python3.11 python3; do
    is_new_enough "$python" || continue
    if can_make_environments "$python"; then
        echo "Making the environment in .venv with $("$python" --version) (once, about 20 s) ..."
        exec "$python" -m venv --clear .venv
    fi
    incomplete=$python
done

if [ -n "$incomplete" ]; then
    echo "$incomplete cannot make a virtual environment: its venv and ensurepip parts are missing." >&2
    echo "Install them, for example: apt-get install python3-venv" >&2
else
    echo "Python 3.11 or newer is needed, and none was found on PATH." >&2
    echo "Install it, for example: apt-get install python3 python3-venv, or brew install python@3.13" >&2
fi
exit 1
