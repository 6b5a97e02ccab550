#!/usr/bin/env bash
# Fuzzes one target for some seconds: scripts/fuzz.sh TARGET SECONDS. Stable Rust will do (fuzz/README.md).
set -euo pipefail
cd "$(dirname "$0")/.."

target="${1:-}" seconds="${2:-300}"
if [ -z "$target" ] || [ ! -f "fuzz/fuzz_targets/$target.rs" ]; then
    echo "fuzz: say which: TARGET=$(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//' | paste -sd'|')" >&2
    exit 2
fi
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
mkdir -p "fuzz/corpus/$target"
# cargo-fuzz asks the compiler for coverage by unstable flags, which stable takes only so.
export RUSTC_BOOTSTRAP=1
exec cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=2048 -timeout=10
