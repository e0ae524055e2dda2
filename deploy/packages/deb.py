"""A staged tree as a .deb: control file, conffiles, sums, maintainer scripts."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from deploy.packages.product import DEPLOY, Product
from deploy.packages.staging import BUILT_WITHIN_S, BuildError, CannotBuild, source_date

CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size_kib}
Depends: {depends}
{more}Section: admin
Priority: optional
Description: {summary}
{description}
"""
# libc: what cryptography's wheel was linked with.  passwd: users where systemd-sysusers is not there.
DEPENDS = "python3 (>= 3.11), python3 (<< 3.12), libc6 (>= 2.34), passwd"


def architecture() -> str:
    """dpkg's word for this machine. Raises CannotBuild where there is no dpkg."""
    if shutil.which("dpkg-deb") is None:
        raise CannotBuild("needs dpkg-deb (Debian package dpkg)")
    return subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()


def build(product: Product, tree: Path, version: str, out: Path) -> Path:
    """Writes NAME_VERSION_ARCH.deb below `out` and gives its path. Raises BuildError."""
    control = tree / "DEBIAN"
    control.mkdir(mode=0o755)
    try:
        _write_control(product, tree, control, version)
        target = out / f"{product.name}_{version}_{architecture()}.deb"
        done = subprocess.run(
            # zstd: unpacks ten times as fast as xz, for a fifth more of size. One thread: with more,
            # what comes out might depend on how many the machine has.
            [
                "dpkg-deb",
                "--root-owner-group",
                "-Zzstd",
                f"-z{product.effort}",
                "--threads-max=1",
                "--build",
                str(tree),
                str(target),
            ],
            env={**os.environ, "SOURCE_DATE_EPOCH": str(source_date())},
            capture_output=True,
            text=True,
            timeout=BUILT_WITHIN_S,
            check=False,
        )
    finally:
        shutil.rmtree(control)
    if done.returncode:
        raise BuildError(f"dpkg-deb: {done.stderr}")
    return target


def _write_control(product: Product, tree: Path, control: Path, version: str) -> None:
    files = [path for path in sorted(tree.rglob("*")) if path.is_file() and not path.is_symlink()]
    installed = [path for path in files if control not in path.parents]
    size = sum(-(-path.stat().st_size // 1024) for path in installed)
    more = "".join(
        f"{field}: {', '.join(names)}\n"
        for field, names in (("Recommends", product.recommends), ("Suggests", product.suggests))
        if names
    )
    lines = (f" {line}" if line else " ." for line in product.description.splitlines())
    _put(
        control / "control",
        CONTROL.format(
            name=product.name,
            version=version,
            architecture=architecture(),
            maintainer=(DEPLOY / "packages" / "maintainer").read_text(encoding="utf-8").strip(),
            size_kib=size,
            depends=DEPENDS,
            more=more,
            summary=product.summary,
            description="\n".join(lines),
        ),
    )
    _put(
        control / "conffiles",
        "".join(
            f"/{one.relative_to(tree)}\n"
            for one in installed
            if "etc" in one.parts[len(tree.parts) : len(tree.parts) + 1]
        ),
    )
    _put(
        control / "md5sums",
        "".join(f"{hashlib.md5(one.read_bytes()).hexdigest()}  {one.relative_to(tree)}\n" for one in installed),
    )
    for script in ("postinst", "prerm", "postrm"):
        _put(control / script, (product.scripts / script).read_text(encoding="utf-8"), mode=0o755)


def _put(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
