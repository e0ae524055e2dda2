"""`hardcase-collector init`: data directory, CA, server certificate. Called by `cli.py`; the administrator is added by
the caller, who opens the state store under its lock.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hardcase_collector import pki
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.roots import Roots


@dataclass(frozen=True, slots=True)
class Founded:
    """What init made or found."""

    fingerprint: str
    """Of the CA: what agents are told at enrolment."""
    names: tuple[str, ...]
    made: bool
    """False: the CA was there already and was kept."""


def found(data_dir: Path, names: tuple[str, ...], *, now: datetime) -> Founded:
    """Makes what is missing, keeps what is there: running it twice harms nothing. Raises ConfigError."""
    files = pki.ServerFiles.below(data_dir)
    try:
        _make_private(data_dir)
        _make_private(files.ca.parent)
        if files.ca.exists() and files.ca_key.exists():
            return _keep(files, names, now=now)
        authority = pki.Authority.create(names, now=now)
        pki.write_private(files.ca_key, authority.key_pem)
        pki.write_private(files.ca, authority.certificate_pem, mode=0o644)
        pki.make_server(authority, files, names, now=now)
    except OSError as error:
        raise ConfigError((f"{error.filename or data_dir}: {error.strerror}",)) from error
    return Founded(authority.fingerprint, names, made=True)


def _keep(files: pki.ServerFiles, names: tuple[str, ...], *, now: datetime) -> Founded:
    authority = pki.Authority.load(files)
    if not files.chain.exists():
        pki.make_server(authority, files, names, now=now)
    present = pki.alternative_names(pki.load_certificate(files.chain))
    missing = [name for name in names if name not in present]
    if missing:
        raise ConfigError(
            (
                f"{files.chain}: is not for {', '.join(missing)}. The CA is limited to the names it was made for: "
                f"move {files.ca.parent} away, run init again and enrol the agents again",
            )
        )
    # While one CA follows another, joining hosts are told of the older one.
    return Founded(Roots(files).fingerprint, present, made=False)


def default_names() -> tuple[str, ...]:
    """This host's names and loopback, for the server certificate where init is given none."""
    return tuple(dict.fromkeys((socket.getfqdn(), socket.gethostname(), "localhost", "127.0.0.1", "::1")))


def generated_password() -> str:
    """20 characters without look-alikes: 118 bits."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(20))


def give_to_owner(data_dir: Path) -> None:
    """Run by root, everything below belongs to the directory's owner afterwards: the service, not root, opens it."""
    if os.geteuid() != 0:
        return
    owner = data_dir.stat()
    for folder, _, files in os.walk(data_dir):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
