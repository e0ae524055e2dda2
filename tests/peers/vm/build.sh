#!/bin/sh
# Builds the guest that tests boot: build.sh DIR makes DIR/{vmlinuz,initrd.img,root.img,done}. Needs root, debootstrap and a
# Debian mirror (the one that this machine's apt uses). Called by tests/install_packages.sh in the set-up step; about a minute.
set -eu
here=$(dirname "$(realpath "$0")")
done=$1
stamp=$(cat "$here/build.sh" "$here/customize.sh" | sha256sum | cut -c1-16)
[ "$(cat "$done/done" 2>/dev/null || true)" = "$stamp" ] && exit 0

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# Beside the image that is there: it is whole at any time.
out=$done.new
tree=$out/tree
rm -rf "$out"
mkdir -p "$out"
debootstrap --variant=minbase \
    --include=systemd-sysv,dbus,udev,kmod,procps,iproute2,python3,smartmontools,qemu-guest-agent,initramfs-tools,lz4,ca-certificates \
    "$suite" "$tree" "$mirror" >"$out/debootstrap.log" 2>&1

# Drivers the guest never needs would triple the image.
for unused in gpu net/wireless net/ethernet media infiniband staging; do
    echo "path-exclude=/lib/modules/*/kernel/drivers/$unused/*"
done >"$tree/etc/dpkg/dpkg.cfg.d/slim"
printf 'path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/lib/modules/*/kernel/sound/*\n' \
    >>"$tree/etc/dpkg/dpkg.cfg.d/slim"
# One small initrd with just what the root disk needs.
sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=lz4/' "$tree/etc/initramfs-tools/initramfs.conf"
printf 'virtio_pci\nvirtio_blk\next4\nvirtio_rng\n9p\n9pnet_virtio\n' >"$tree/etc/initramfs-tools/modules"
DEBIAN_FRONTEND=noninteractive chroot "$tree" sh -ec \
    'apt-get install -y -qq --no-install-recommends linux-image-amd64 && apt-get clean' >"$out/kernel.log" 2>&1
sh "$here/customize.sh" "$tree" >"$out/customize.log" 2>&1
cp "$tree"/boot/vmlinuz-* "$out/vmlinuz"
cp "$tree"/boot/initrd.img-* "$out/initrd.img"
rm -rf "$tree"/var/lib/apt/lists/*
# A journal, as every server's disk has: the guest loses its power.
mke2fs -q -t ext4 -O ^metadata_csum -J size=16 -m 0 -d "$tree" "$out/root.img" 1600M
rm -rf "$tree"
echo "$stamp" >"$out/done"
rm -rf "$done"
mv "$out" "$done"
