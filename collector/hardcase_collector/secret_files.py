"""Reads what "file:/path" and "credential:NAME" refer to. Called by `app.py` for channels and the state store.

The secret is returned and nowhere kept, logged or put into an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hardcase_collector.domain.errors import ConfigError

MAX_BYTES = 65536  # A key or password is far smaller; a device or log named by mistake is not read to its end.


def read_secret(reference: str, *, environment: Mapping[str, str] = os.environ) -> str:
    """The secret without its last line end. `credential:` is a systemd credential. Raises ConfigError."""
    path = _path(reference, environment)
    try:
        with path.open("rb") as stream:
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
