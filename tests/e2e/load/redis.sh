#!/bin/bash
# SPDX-License-Identifier: MIT
# Starts a redis-server, has it answer, and prints "said: ANSWER" and "ended: STATUS" of
# the server, whose log goes to standard output. Nothing listens but a socket in a folder
# of its own, and nothing is left behind.
#   [ASK=COMMAND ARGUMENT=TEXT] redis.sh redis-server ARGUMENT...
set -u
place=$(mktemp -d)                              # a socket's path has 107 bytes at most
trap 'kill -KILL "$server" 2>/dev/null; rm -rf "$place"' EXIT
"$@" --port 0 --unixsocket "$place/socket" --dir "$place" --save '' --crash-log-enabled no &
server=$!
for _ in $(seq 200); do
    [ "$(redis-cli -s "$place/socket" ping 2>/dev/null)" != PONG ] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.05
done
if kill -0 "$server" 2>/dev/null; then
    echo "said: $(redis-cli --raw -s "$place/socket" "${ASK:-python.said}" ${ARGUMENT:+"$ARGUMENT"} 2>&1)"
    redis-cli -s "$place/socket" shutdown nosave >/dev/null 2>&1
fi
wait "$server"
echo "ended: $?"
