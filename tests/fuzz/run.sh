#!/bin/sh
# run.sh [SECONDS] [TARGET]
# Builds the fuzz targets, replays what once broke each, and fuzzes each, or only TARGET, for so many seconds (4; 0
# replays only). Ends with another code than 0, and the path of the input, when one fails.
set -eu

seconds=${1:-4}
only=${2:-}
# The folder that cargo builds everything else in is looked for from where this was called.
case ${CARGO_TARGET_DIR:-} in
    "") built=$(cd "$(dirname "$0")" && pwd)/target ;;
    /*) built=$CARGO_TARGET_DIR/fuzz ;;
    *) built=$PWD/$CARGO_TARGET_DIR/fuzz ;;
esac
cd "$(dirname "$0")"

if ! command -v c++ >/dev/null 2>&1; then
    echo "fuzz: libFuzzer is C++ and needs a compiler for it: tests/install.sh, or apt-get install build-essential" >&2
    exit 1
fi

# The flags are in .cargo/config.toml, where RUSTFLAGS would hide them.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS
export CARGO_TARGET_DIR="$built"
cargo build --quiet --release --bins
programs=$built/$(rustc -vV | sed -n 's/^host: //p')/release

dictionary() {
    case $1 in
        sip_* | endpoint) echo dictionaries/sip.dict ;;
        sdp) echo dictionaries/sdp.dict ;;
        flow* | configuration) echo dictionaries/toml.dict ;;
    esac
}

# Runs a target with these further arguments; its log is shown when it fails.
run() {
    target=$1
    shift
    log=$built/$target.log
    "$programs/$target" -artifact_prefix="$built/broken-$target-" -timeout=10 -rss_limit_mb=1024 "$@" >"$log" 2>&1 || {
        sed -n '/panicked at/,/^stack backtrace/p' "$log" | head -n 12 >&2
        grep '^SUMMARY' "$log" >&2 || tail -n 20 "$log" >&2
        echo "== fuzz: $target FAILED" >&2
        input=$(sed -n 's/^.*Test unit written to //p' "$log")
        # A replayed input is not written again: it is the last that was begun.
        [ -n "$input" ] || input=$(sed -n 's/^Running: //p' "$log" | tail -n 1)
        echo "   input: $input" >&2
        echo "   again: $programs/$target $input" >&2
        exit 1
    }
}

fuzz() {
    target=$1
    set --
    for input in "regressions/$target"/* "corpus/$target"/*; do
        [ -f "$input" ] && set -- "$@" "$input"
    done
    run "$target" "$@"
    replayed=$#
    if [ "$seconds" = 0 ]; then
        echo "fuzz: $target: $replayed inputs replayed"
        return
    fi
    mkdir -p "$built/found/$target"
    set -- "$built/found/$target" "corpus/$target"
    [ -d "regressions/$target" ] && set -- "$@" "regressions/$target"
    words=$(dictionary "$target")
    [ -z "$words" ] || set -- "-dict=$words" "$@"
    run "$target" -max_total_time="$seconds" -max_len=4096 "$@"
    # The last line of the progress says how far it came: "#1234 DONE cov: 567 ft: 890 corp: …".
    echo "fuzz: $target: $replayed inputs replayed; $(sed -n 's/^#\([0-9]*\).*DONE *\(cov: [0-9]*\).*/\1 runs, \2/p' "$log")"
}

found=
for source in targets/*.rs; do
    target=$(basename "$source" .rs)
    if [ -z "$only" ] || [ "$only" = "$target" ]; then
        found=yes
        fuzz "$target"
    fi
done
[ -n "$found" ] || { echo "fuzz: no target $only; there are: $(cd targets && ls | sed 's/\.rs$//' | tr '\n' ' ')" >&2; exit 2; }
