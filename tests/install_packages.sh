#!/bin/sh
# Debian packages that the tests need (simulators, databases, browser). Root: installs what is missing. Otherwise: names it.
set -eu
needed="openipmi ipmitool freeipmi-tools smartmontools snmpd snmp postgresql victoria-metrics strace chromium
        iproute2 systemd openssl"
missing=""
for package in $needed; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "not root: tests that need these packages will be skipped:$missing"
fi
