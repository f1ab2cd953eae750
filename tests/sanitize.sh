#!/bin/sh
# Runs the tests around the `unsafe` code (crates/udp: system calls, batches of datagrams) under AddressSanitizer, which
# sees reads and writes beyond a buffer, of freed memory, and leaks. The stable toolchain brings its runtime; the standard
# library itself is not instrumented. Minutes to build the first time, then half a minute.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
case "$host" in
x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;;
*)
    echo "SKIPPED: AddressSanitizer is not tried on $host"
    exit 0
    ;;
esac
# Named as a target, so that build scripts and macros stay as they are; in a folder of its own, so that the ordinary build
# stays what it is.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS=detect_stack_use_after_return=1 \
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitize" \
    cargo test --quiet --package udp --lib --target "$host" -- "$@"
