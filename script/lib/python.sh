# shellcheck shell=bash
# shellcheck disable=SC2154  # the colours and ROOT come from say.sh
# The virtual environment in .venv, from the hashed requirements.

set_up_python() {
    local python stamp=.venv/.set-up wanted
    python=$(_python) ||
        fail "Python 3.11 or newer is needed" "Debian 12, Ubuntu 24.04 and newer have it"
    wanted=$(cat requirements/dev.txt pyproject.toml | sha256sum)
    if [[ -f $stamp && $(<"$stamp") == "$wanted" && -x .venv/bin/provisimus ]]; then
        there "Python packages in .venv"
        return
    fi
    if [[ ! -x .venv/bin/pip ]]; then
        quietly "virtual environment .venv" _make_environment "$python"
    fi
    # Compiled below, on all processors and without the giants that hardly anything imports.
    quietly "Python packages into .venv" .venv/bin/pip install --disable-pip-version-check \
        --progress-bar off --no-compile --require-hashes --requirement requirements/dev.txt
    quietly "Provisimus into .venv" .venv/bin/pip install --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
    quietly "Bytecode of what commands and tests import" _compile
    echo "$wanted" >"$stamp"
}

# Here and not at the first import: where PYTHONDONTWRITEBYTECODE is set, that would leave none.
_compile() {
    local never='/(sympy|mpmath|networkx|mypy|mypyc|pip|pygments|setuptools|pkg_resources|hypothesis)/'
    .venv/bin/python -m compileall -q -j 0 -x "$never" .venv/lib/python3*/site-packages src
}

_make_environment() {
    "$1" -c 'import ensurepip' || _apt_install python3-venv
    "$1" -m venv --clear .venv
}

_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}
