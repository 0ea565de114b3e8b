#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that are missing, naming each; without root it
# prints the one line that does, and fails. Says nothing when nothing is missing.
#   deps.sh [fuzz]
set -eu
cd "$(dirname "$0")/../.."

wanted() {
    sed -n 's/^\([a-z0-9][a-z0-9+.-]*\)\([ \t].*\)*$/\1/p' tests/install/packages.txt demos/deps.txt
    [ "${1:-}" != fuzz ] || sed -n 's/^fuzz:\([a-z0-9+.-]*\).*/\1/p' tests/install/packages.txt
    # A node 18 comes from npm, and a node 20 unless one is there.
    if ! command -v npm >/dev/null; then
        echo npm
    fi
}

missing=()
for package in $(wanted "$@" | sort -u); do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' \
        || dpkg-query -W -f '${Provides} ${db:Status-Status}\n' '*' 2>/dev/null \
           | grep -qE "(^| )$package( |,).* installed" \
        || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "Missing packages. As root:" >&2
    echo "apt-get install -y ${missing[*]}" >&2
    exit 1
fi
echo "installing: ${missing[*]}" >&2
# Servers are wanted as programs, not as services: nothing is started.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
