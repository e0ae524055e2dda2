"""A Debian root to install packages into: the guest image's files in a folder of their own, entered by chroot.

No systemd runs in it, and there is no /proc: what an installation into an image finds. Needs root and the guest image.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.vm import IMAGE, image_missing

WITHIN_S = 900
MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30
"""Bytes of memory that must be free before a root is put there."""
# What every installation of any package changes; and there is no /dev but what is written to.
KEPT_BY_DPKG = ("var/lib/dpkg/", "var/log/", "var/cache/", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-")
KEPT_BY_SHELLS = ("dev/null",)
ACCOUNTS = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")


@contextmanager
def roomy_folder() -> Iterator[Path]:
    """A folder for half a gigabyte of small files, in memory where there is enough; gone afterwards."""
    try:
        memory = os.statvfs(MEMORY)
        free = memory.f_bavail * memory.f_frsize
    except OSError:
        free = 0
    with tempfile.TemporaryDirectory(prefix="hardcase-", dir=MEMORY if free > ENOUGH else None) as folder:
        yield Path(folder)


class DebianRoot:
    """`root.run("dpkg", "-i", root.put(package))`."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root to install packages")
        if image_missing():
            pytest.skip(image_missing())
        if shutil.which("debugfs") is None:
            pytest.skip("needs the Debian package e2fsprogs")
        self.folder = folder / "root"
        self.folder.mkdir()
        subprocess.run(
            ["debugfs", "-R", f"rdump / {self.folder}", str(IMAGE / "root.img")],
            check=True,
            capture_output=True,
            timeout=WITHIN_S,
        )

    def try_run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["chroot", str(self.folder), *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def run(self, *command: str) -> str:
        """What it printed, both streams. Fails the test if it failed."""
        done = self.try_run(*command)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def install(self, *packages: Path) -> str:
        """dpkg -i, without waiting for the disk."""
        names = []
        for package in packages:
            shutil.copyfile(package, self.folder / "tmp" / package.name)
            names.append(f"/tmp/{package.name}")
        said = self.run("dpkg", "--force-unsafe-io", "--force-confold", "-i", *names)
        for name in names:
            (self.folder / name.lstrip("/")).unlink()
        return said

    def path(self, name: str) -> Path:
        return self.folder / name.lstrip("/")

    def files(self) -> set[str]:
        """Every name below it, without what dpkg keeps for itself."""
        found = set()
        for folder, folders, names in os.walk(self.folder):
            below = os.path.relpath(folder, self.folder)
            found |= {os.path.normpath(os.path.join(below, name)) for name in (*folders, *names)}
        return {name for name in found if not name.startswith((*KEPT_BY_DPKG, *KEPT_BY_SHELLS))}

    def accounts(self) -> dict[str, list[str]]:
        return {name: sorted(self.path(name).read_text().splitlines()) for name in ACCOUNTS}

    def user(self, name: str) -> tuple[int, int] | None:
        """uid and gid."""
        for line in self.path("etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2]), int(fields[3])
        return None
