"""A staged tree as an .rpm for Enterprise Linux 9 and openEuler: the maintainer scripts are those of the .deb."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from deploy.packages.product import DEPLOY, Product
from deploy.packages.staging import BUILT_WITHIN_S, BuildError, CannotBuild, source_date

PYTHON = "/usr/bin/python3.11"
SPEC = """\
%define debug_package %{{nil}}
%define __os_install_post %{{nil}}
%define _build_id_links none
%define _binary_payload w{effort}.zstdio
%define _buildhost hardcase.invalid
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1

Name: {name}
Version: {version}
Release: {revision}
Summary: {summary}
License: Apache-2.0
Packager: {maintainer}
AutoReqProv: no
Requires: {python}, glibc >= 2.34, shadow-utils, systemd
Recommends: {recommends}

%description
{description}

%install
cp -a {tree}/. %{{buildroot}}/

%post
[ "$1" -gt 1 ] && set -- configure older || set -- configure ""
{postinst}

%preun
[ "$1" -eq 0 ] || exit 0
set -- remove
{prerm}

%postun
[ "$1" -eq 0 ] || exit 0
set -- remove
{postrm}

%files
{files}
"""
OWN_FOLDERS = ("etc/hardcase", "opt/hardcase-", "usr/share/doc/hardcase-")
"""Folders that no other package has."""


def build(product: Product, tree: Path, version: str, revision: int, out: Path) -> Path:
    """Writes NAME-VERSION-RELEASE.ARCH.rpm below `out` and gives its path. Raises BuildError."""
    if shutil.which("rpmbuild") is None:
        raise CannotBuild("needs rpmbuild (Debian package rpm)")
    python = tree / product.prefix.lstrip("/") / "bin" / "python"
    python.unlink()
    python.symlink_to(PYTHON)
    top = tree.parent / "rpmbuild"
    top.mkdir()
    spec = top / f"{product.name}.spec"
    spec.write_text(_spec(product, tree, version, revision), encoding="utf-8")
    done = subprocess.run(
        [
            *("rpmbuild", "-bb", "--quiet", "--nodeps", "--target", os.uname().machine),
            *("--define", f"_topdir {top}", "--define", f"_dbpath {top}/db", "--define", f"_tmppath {top}/tmp"),
            str(spec),
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(source_date()), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=BUILT_WITHIN_S,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"rpmbuild: {done.stdout}{done.stderr}")
    (made,) = (top / "RPMS").glob("*/*.rpm")
    return Path(shutil.copyfile(made, out / made.name))


def _spec(product: Product, tree: Path, version: str, revision: int) -> str:
    scripts = {name: _escaped((product.scripts / name).read_text(encoding="utf-8")) for name in _SCRIPTS}
    return SPEC.format(
        name=product.name,
        version=version,
        revision=revision,
        effort=product.effort,
        summary=product.summary,
        maintainer=(DEPLOY / "packages" / "maintainer").read_text(encoding="utf-8").strip(),
        python=PYTHON,
        recommends=", ".join(product.recommends),
        description=product.description,
        tree=tree,
        files="\n".join(_files(tree)),
        **scripts,
    )


_SCRIPTS = ("postinst", "prerm", "postrm")


def _escaped(script: str) -> str:
    """Without the line that names the shell; % is rpm's own sign."""
    return script.removeprefix("#!/bin/sh\n").replace("%", "%%").rstrip()


def _files(tree: Path) -> list[str]:
    lines = ["%defattr(-,root,root,-)"]
    for path in sorted(tree.rglob("*")):
        name = str(path.relative_to(tree))
        if path.is_dir() and not path.is_symlink():
            if name.startswith(OWN_FOLDERS):
                lines.append(f'%dir "/{name}"')
        elif name.startswith("etc/"):
            lines.append(f'%config(noreplace) "/{name}"')
        else:
            lines.append(f'"/{name}"')
    return lines
