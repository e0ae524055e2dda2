"""Reads what "file:/path" and "credential:NAME" refer to, and who else may. For channels, the state store and keys.

The secret is returned and nowhere kept, logged or put into an error.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from hardcase_collector.domain.errors import ConfigError

MAX_BYTES = 65536  # A key or password is far smaller; a device or log named by mistake is not read to its end.


def read_secret(reference: str, *, environment: Mapping[str, str] = os.environ) -> str:
    """The secret without its last line end. `credential:` is a systemd credential. Raises ConfigError."""
    path = _path(reference, environment)
    try:
        with path.open("rb") as stream:
            if reference.startswith("file:"):
                _check_private(path, os.fstat(stream.fileno()).st_mode)
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError((f"{reference}: cannot be read: {error.strerror}",)) from error
    if len(content) > MAX_BYTES:
        raise ConfigError((f"{reference}: larger than {MAX_BYTES} bytes; this is no secret",))
    try:
        secret = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError((f"{reference}: is not UTF-8 text",)) from None
    if not secret:
        raise ConfigError((f"{reference}: is empty",))
    return secret


def check_key(path: Path) -> None:
    """A private key may be its group's (of those who may use certificates), never everybody's. Raises ConfigError."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from error
    if mode & 0o007:
        raise ConfigError((f"{path} may be read by everybody: chmod o= {path}",))


def _check_private(path: Path, mode: int) -> None:
    # What systemd hands over as a credential it guards itself.
    if stat.S_ISREG(mode) and mode & 0o077:
        raise ConfigError((f"{path} may be read by others: chmod 0600 {path}",))


def _path(reference: str, environment: Mapping[str, str]) -> Path:
    kind, _, name = reference.partition(":")
    if kind == "file":
        return Path(name)
    if kind != "credential":
        raise ConfigError((f"{kind}: a secret is named as file:/path or credential:NAME",))
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise ConfigError((f"{reference}: no systemd credentials here; add LoadCredential={name}:/path to the unit",))
    if "/" in name or name in (".", ".."):
        raise ConfigError((f"{reference}: a credential's name holds no slash",))
    return Path(directory, name)
