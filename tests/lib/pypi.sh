# Programs from PyPI; to be sourced after tests/lib/servers.sh.

# Installs what a file of requirements pins into a virtual environment of its own in the user's cache, unless it is
# there. Usage: from_pypi FOLDER REQUIREMENTS; fails when it cannot be had.
from_pypi() {
    local folder=$1 requirements=$2
    [[ ! -e $folder/complete ]] || return 0
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv || return 1
    say "Installing ${requirements##*/} in $folder"
    rm -rf "$folder"
    python3 -m venv "$folder" || return 1
    "$folder/bin/pip" install -q --disable-pip-version-check --require-hashes --only-binary=:all: -r "$requirements" || {
        rm -rf "$folder"
        return 1
    }
    touch "$folder/complete"
}
