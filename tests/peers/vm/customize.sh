#!/bin/sh
# customize.sh TREE: what the guest loads, mounts and leaves out. Called by build.sh.
set -eu
tree=$1
# Papers of what is installed from now on are kept.
sed -i '/usr\/share/d' "$tree/etc/dpkg/dpkg.cfg.d/slim"
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
cat >"$tree/etc/systemd/system/guest-network.service" <<'UNIT'
[Unit]
Description=The emulator's network
DefaultDependencies=no
After=systemd-modules-load.service systemd-udev-trigger.service
Before=network.target
Wants=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'udevadm settle; card=$(ls /sys/class/net | grep -v lo | head -n 1); ip link set dev $card up; ip addr add 10.0.2.15/24 dev $card'
[Install]
WantedBy=multi-user.target
UNIT
# The log outlives a reboot, and small: the disk is.
mkdir -p "$tree/var/log/journal" "$tree/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nSystemMaxUse=32M\n' >"$tree/etc/systemd/journald.conf.d/guest.conf"
chroot "$tree" systemctl enable mnt-share.mount qemu-guest-agent.service guest-network.service
chroot "$tree" systemctl mask systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    fstrim.timer e2scrub_all.timer e2scrub_reap.service smartmontools.service systemd-networkd.service systemd-pstore.service \
    getty@tty1.service systemd-update-utmp.service
chroot "$tree" systemctl set-default multi-user.target
