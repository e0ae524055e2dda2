#!/bin/sh
# What the tests need beside Python: Debian packages (simulators, databases, browser, emulator) and the guest image.
# Root: installs what is missing. Otherwise: names it, and the tests that need it say so and skip.
set -eu
here=$(dirname "$(realpath "$0")")
needed="openipmi ipmitool freeipmi-tools smartmontools snmpd snmp postgresql victoria-metrics strace chromium
        iproute2 systemd openssl qemu-system-x86 qemu-utils socat seabios ipxe-qemu debootstrap e2fsprogs rpm mandoc"
missing=""
for package in $needed; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
if [ "$(id -u)" != 0 ]; then
    [ -z "$missing" ] || echo "not root: tests that need these packages will be skipped:$missing"
    exit 0
fi
if [ -n "$missing" ]; then
    # The machine's own upkeep may hold dpkg, and a mirror may not answer at once.
    apt="apt-get -o DPkg::Lock::Timeout=900 -o Acquire::Retries=5"
    # shellcheck disable=SC2086 # a command with its options
    $apt update -qq
    # shellcheck disable=SC2086 # a command and a list of names
    DEBIAN_FRONTEND=noninteractive $apt install -y -qq --no-install-recommends $missing >/dev/null
fi
kept="${XDG_CACHE_HOME:-$HOME/.cache}/hardcase"
mkdir -p "$kept"
# One image for all trees of this user: who comes second finds it made.
flock "$kept/vm.lock" sh "$here/peers/vm/build.sh" "$kept/vm"
