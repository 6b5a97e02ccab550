#!/usr/bin/env bash
# Installs what is missing for: run | test | bench (each includes those before it), or only: python.
# Made for Debian 12 and Ubuntu; says what it does, and does nothing (quickly) when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

group="${1:-run}"
build_packages=(cmake nasm pkg-config gcc g++ libc6-dev make libopenjph-dev libjxl-dev)
run_packages=(fonts-noto-cjk libopenslide0)
test_packages=(dcmtk dicom3tools chromium postgresql strace poppler-utils openssl qpdf libmagic1 orthanc orthanc-dicomweb rsyslog rsyslog-openssl)
# libturbojpeg0: wsidicomizer loads it.
bench_packages=(libturbojpeg0 nginx-light wrk)

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root to run: $*   (log in as root, or install sudo)"
    fi
}

# Packages of this list that are not installed.
missing_of() {
    local installed
    installed="$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')"
    comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

install_packages() {
    local missing
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian or Ubuntu; please see to it that these are installed: $*"
        return
    fi
    missing="$(missing_of "$@" | tr '\n' ' ')"
    [ -n "${missing// /}" ] || return 0
    say "installing Debian packages: $missing"
    as_root apt-get update -qq || say "apt-get update failed; trying with the package lists that are there"
    # Servers among them are for the tests to start by themselves: Debian must not start its own.
    local policy=/usr/sbin/policy-rc.d ours=no
    if [ ! -e "$policy" ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
        fail "apt-get could not install: $missing"
    if [ "$ours" = yes ]; then
        as_root rm -f "$policy"
        trap - EXIT
    fi
    if [ -d /run/systemd/system ]; then
        for service in postgresql nginx orthanc rsyslog; do
            case " $missing " in
            *" $service"*) as_root systemctl disable --quiet --now "$service" 2>/dev/null || true ;;
            esac
        done
    fi
}

need_tools() {
    command -v cargo >/dev/null || fail "cargo is missing. Install the Rust toolchain (rustup, stable 1.95 or newer), then run this again."
    command -v node >/dev/null && command -v npm >/dev/null ||
        fail "node or npm is missing. Install Node.js 20.19 or newer (with npm), then run this again."
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
        fail "Node.js $(node --version) is too old: the web application needs 20.19 or newer."
    need_python
}

need_python() {
    command -v python3 >/dev/null || fail "python3 is missing. Install Python 3.11 or newer, then run this again."
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$(python3 --version) is too old: the sample data needs 3.11 or newer."
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
}

# One virtual environment for everything in Python; a list of requirements is read again only when it changed.
python_packages() {
    local list stamp
    if ! .venv/bin/python -c '' 2>/dev/null; then
        say "making the Python environment .venv"
        rm -rf .venv
        python3 -m venv .venv
    fi
    for list in "$@"; do
        stamp=".venv/$(tr / - <<<"$list").done"
        cmp -s "$list" "$stamp" && continue
        say "installing the Python packages of $list"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$list" ||
            fail "pip could not install what $list asks for"
        cp "$list" "$stamp"
    done
}

# What imports are measured beside, in an environment of its own: it wants another wsidicom than the tests.
bench_peers() {
    cmp -s bench/requirements.txt .venv-bench/requirements.done && return 0
    say "installing the Python packages of bench/requirements.txt"
    python3 -m venv .venv-bench
    .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt ||
        fail "pip could not install what bench/requirements.txt asks for"
    cp bench/requirements.txt .venv-bench/requirements.done
}

# Packages of one folder with a package-lock.json; again only when the lock changed.
npm_packages() {
    local folder="$1" stamp="$1/node_modules/.package-lock.sha256" wanted
    [ -f "$folder/package-lock.json" ] || return 0
    wanted="$(sha256sum <"$folder/package-lock.json")"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return 0
    fi
    say "installing npm packages in $folder"
    (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci failed in $folder"
    echo "$wanted" >"$stamp"
}

case "$group" in
python)
    need_python
    python_packages sample-data/requirements.txt
    ;;
run)
    need_tools
    install_packages "${build_packages[@]}" "${run_packages[@]}"
    python_packages sample-data/requirements.txt
    npm_packages viewer
    ;;
test | bench)
    need_tools
    packages=("${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}")
    [ "$group" = test ] || packages+=("${bench_packages[@]}")
    install_packages "${packages[@]}"
    python_packages sample-data/requirements.txt tests/peers/requirements.txt
    npm_packages viewer
    npm_packages tests/browser
    [ "$group" = test ] || bench_peers
    ;;
*)
    fail "unknown group '$group': run, test, bench or python"
    ;;
esac
say "all there for $group"
