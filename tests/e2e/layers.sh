#!/bin/bash
# SPDX-License-Identifier: MIT
# The direction of the layers, read from the #includes: a folder of src/ includes
# its own headers, those of the folders named here and include/graft only.
#
#   base <- elf <- plan <- {live, file};  file <- symfile <- {attach, lift}
#   {plan, live, file} <- bind <- load <- host <- entry;  all <- cli
#   compat and registry stand on include/graft alone; lift writes the registry's records
set -euo pipefail
cd "$(dirname "$0")/../.."
declare -A below=(
    [base]=""
    [elf]="base"
    [plan]="base elf"
    [live]="base elf plan"
    [file]="base elf plan"
    [symfile]="base elf plan file"
    [bind]="base elf plan file live"
    [load]="base elf plan file live bind"
    [api]="base elf plan file live bind load"
    [host]="base elf plan file live bind load"
    [entry]="base elf plan file live bind load host api"
    [attach]="base elf plan file symfile"
    [lift]="base elf plan file symfile registry"
    [registry]=""
    [compat]=""
    [cli]="base elf plan file symfile attach lift registry"
)
status=0 seen=0

bad() {
    echo "$*"
    status=1
}

while IFS=: read -r file include; do
    layer=${file#src/} layer=${layer%%/*}
    target=${include#*\"} target=${target%%\"*}
    seen=$((seen + 1))
    [ -n "${below[$layer]+known}" ] || { bad "$file: src/$layer is no layer of this table"; continue; }
    [ -e "src/$target" ] || bad "$file includes \"$target\", which is not below src/"
    case " $layer ${below[$layer]} " in
        *" ${target%%/*} "*) ;;
        *) bad "$file includes $target: $layer is not above ${target%%/*}" ;;
    esac
done < <(grep -rn --include='*.[chS]' -H '^ *# *include *"' src | sed 's/:[0-9]*:/:/')

# Pure layers do no I/O and know no process; headers of the project need no others.
for folder in elf plan; do
    if grep -rnE --include='*.[ch]' '# *include *<(unistd|fcntl|dlfcn|link|pthread|stdio_ext|sys/[a-z]+)\.h>' \
        "src/$folder"; then
        bad "src/$folder is pure: bytes in, structs out"
    fi
done
if grep -nE '# *include *<' include/graft/*.h | grep -vE '<(graft/[a-z]+|stddef|stdint|stdbool|sys/types)\.h>'; then
    bad "a public header includes more than it needs"
fi
[ $seen -gt 50 ] || bad "only $seen includes were found"
echo "$seen includes"
exit $status
