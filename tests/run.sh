#!/bin/sh
# Every check, one after the other; the first that fails ends the run and is named.
set -eu
cd "$(dirname "$0")/.."

# Debian keeps PostgreSQL's server programs out of PATH.
for folder in /usr/lib/postgresql/*/bin; do
    if [ -d "$folder" ]; then PATH="$PATH:$folder"; fi
done
export PATH

step() {
    echo "== $*"
    "$@" || { code=$?; echo "== FAILED: $*" >&2; exit "$code"; }
}

step python3 prompts/make.py --check
step cargo fmt --all --check
step cargo clippy --workspace --all-targets -- -D warnings
step cargo test --workspace
step cargo run --quiet --bin hotline -- check --flow-tests
echo "== all checks passed"
