#!/usr/bin/env bash
# Runs every suite, goes on after a failure, and ends with a table of results and times.
# Logs, screenshots and whatever else the suites leave are in tests/artefacts/.
set -uo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
case "$target" in /*) ;; *) target="$PWD/$target" ;; esac
export FARSIGHT_BIN="$target/debug/farsight"
export FARSIGHT_PYTHON="$PWD/.venv/bin/python"
export FARSIGHT_SAMPLES="$PWD/sample-data/cache"
export FARSIGHT_ARTEFACTS="$PWD/tests/artefacts"
# Debian's DCMTK leaves Nagle's algorithm on without this.
export TCP_NODELAY=1

rm -rf tests/artefacts
mkdir -p tests/artefacts
failed=0
table=()

# A suite that hangs is ended, so that the rest is still seen.
limit=(timeout --kill-after=20 2700)

suite() {
    local name="$1" log start seconds result
    shift
    log="tests/artefacts/${name// /-}.log"
    echo
    echo "== $name"
    start=$SECONDS
    if "${limit[@]}" "$@" 2>&1 | tee "$log"; then result=passed; else
        result=FAILED
        failed=$((failed + 1))
    fi
    seconds=$((SECONDS - start))
    table+=("$(printf '%-18s %-7s %4d s' "$name" "$result" "$seconds")")
    [ "$result" = passed ]
}

finish() {
    echo
    echo "== summary (logs in tests/artefacts/)"
    printf '%s\n' "${table[@]}"
    exit $((failed > 0))
}

# Without these nothing else can run.
suite "set-up" scripts/setup.sh test || finish
suite "sample data" make --no-print-directory samples || finish
suite "web build" make --no-print-directory web || finish
# All in one go: apart, the last crates of each build would keep one processor waiting.
suite "build" cargo build --workspace --bins --tests || finish

# Flushes of the tests must not wait for gigabytes that the build has left to be written.
sync

suite "formatting" cargo fmt --all --check
suite "viewer checks" env -C viewer npm run check
suite "viewer weight" env -C viewer npm run weight
suite "viewer units" env -C viewer npm test
# No documentation has code that could be tested. Half of the time a test waits for programs, disks and time limits.
suite "rust" env RUST_TEST_THREADS=$(($(nproc) + 1)) cargo test --workspace --lib --bins --tests --no-fail-fast
suite "browser types" env -C tests/browser npm run check
# What is measured has the machine to itself; each of the two clears away what it finds where it writes.
suite "browser timed" env -C tests/browser FARSIGHT_ARTEFACTS="$FARSIGHT_ARTEFACTS/timed" npm run timed
suite "browser" env -C tests/browser npm test
finish
