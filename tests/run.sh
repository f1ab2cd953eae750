#!/bin/sh
# Every check, one after the other; the first that fails ends the run and is named. Beside each stands when it began.
set -eu
began=$(date +%s)
cd "$(dirname "$0")/.."

step() {
    echo "== $* ($(($(date +%s) - began)) s)"
    "$@" || { code=$?; echo "== FAILED: $*" >&2; exit "$code"; }
}

has_postgres() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

all_tests() {
    if has_postgres; then
        # A private server on a socket of its own, gone when the tests are.
        around=crates/store/tests/with-postgres.sh
    else
        echo "== no PostgreSQL server here: the stories about the database run on SQLite alone"
        around=env
    fi
    step cargo test --quiet --workspace --doc
    step "$around" python3 tests/side_by_side.py
}

step python3 prompts/make.py --check
step python3 docs/reference/make.py --check
step cargo fmt --all --check
step cargo clippy --workspace --all-targets -- -D warnings
# A few seconds a target; by hand: tests/fuzz/run.sh SECONDS
step tests/fuzz/run.sh 4
# The stories of the whole start the real binary.
step cargo build --bin hotline
all_tests
step cargo run --quiet --bin hotline -- check --flow-tests
echo "== all checks passed ($(($(date +%s) - began)) s)"
