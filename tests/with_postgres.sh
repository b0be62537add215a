#!/bin/sh
# Run a command with a PostgreSQL server of its own: its address is in FORECAST_POSTGRES, and it is
# gone afterwards. Needs the server programs (Debian: apt install postgresql).
set -eu

for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) ""; do
    [ -n "$folder" ] && PATH="$folder:$PATH"
    command -v initdb >/dev/null && command -v pg_ctl >/dev/null && break
done
if ! command -v initdb >/dev/null || ! command -v pg_ctl >/dev/null; then
    echo "no PostgreSQL server found: apt install postgresql" >&2
    exit 1
fi

home=$(mktemp -d)
run() { "$@"; }
if [ "$(id -u)" = 0 ]; then # the server refuses to run as root
    chown postgres "$home"
    run() { runuser -u postgres -- env PATH="$PATH" "$@"; }
fi
trap 'run pg_ctl -D "$home/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$home"' EXIT

run initdb -D "$home/data" -U forecast --auth=trust --encoding=UTF8 --locale=C >/dev/null
run pg_ctl -D "$home/data" -w -l "$home/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$home'" start >/dev/null
FORECAST_POSTGRES="postgresql://forecast@/postgres?host=$home" "$@"
