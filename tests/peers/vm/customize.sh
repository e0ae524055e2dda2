#!/bin/sh
# customize.sh TREE: what the guest loads, mounts and leaves out. Called by build.sh.
set -eu
tree=$1
echo guest >"$tree/etc/hostname"
echo '127.0.0.1 localhost guest' >"$tree/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 0' >"$tree/etc/fstab"
# The KCS interface is found through ACPI; the character device is a module of its own.
printf 'ipmi_si\nipmi_devintf\n' >"$tree/etc/modules-load.d/ipmi.conf"
printf '9pnet_virtio\nvirtio_net\n' >"$tree/etc/modules-load.d/virtio.conf"
mkdir -p "$tree/mnt/share"
cat >"$tree/etc/systemd/system/mnt-share.mount" <<'UNIT'
[Mount]
What=share
Where=/mnt/share
Type=9p
Options=trans=virtio,version=9p2000.L,msize=262144,ro
[Install]
WantedBy=multi-user.target
UNIT
chroot "$tree" systemctl enable mnt-share.mount qemu-guest-agent.service
chroot "$tree" systemctl mask systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    fstrim.timer e2scrub_all.timer e2scrub_reap.service smartmontools.service systemd-networkd.service systemd-pstore.service \
    getty@tty1.service systemd-update-utmp.service
chroot "$tree" systemctl set-default multi-user.target
