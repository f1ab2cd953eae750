#!/bin/sh
# Starts a private PostgreSQL on a unix socket in a temporary folder, runs the command given with
# HOTLINE_TEST_POSTGRES set to its URL, stops it and removes it.
#
#   crates/store/tests/with-postgres.sh cargo test -p store
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || true)")
if [ ! -x "$bin/initdb" ]; then
    echo "with-postgres.sh: no PostgreSQL server found; apt-get install postgresql" >&2
    exit 1
fi

folder=$(mktemp -d /tmp/hotline-postgres.XXXXXX)
# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as() { (cd "$folder" && setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
else
    as() { "$@"; }
fi
finish() {
    as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

as "$bin/initdb" -D "$folder/data" -U hotline -A trust -E UTF8 --no-sync >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off -c max_connections=200" \
    start >/dev/null
chmod 755 "$folder"
socket=$(printf %s "$folder" | sed 's|/|%2F|g')
export HOTLINE_TEST_POSTGRES="postgres://hotline@$socket/postgres"
"$@"
