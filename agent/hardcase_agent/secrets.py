"""Reads what a secret's reference stands for: a private file, or a credential handed over by systemd. Keeps nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hardcase_agent.domain.errors import ConfigError

LARGEST = 64 * 1024
"""A password, key or community; a larger file is a mistake."""


class FileSecrets:
    """`SecretReader`. `environment` gives $CREDENTIALS_DIRECTORY."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._folder = environment.get("CREDENTIALS_DIRECTORY", "")

    def read(self, reference: str) -> str:
        """Trailing line ends are cut off. Raises ConfigError; the message names the place, never the content."""
        scheme, _, place = reference.partition(":")
        if scheme == "file" and place.startswith("/"):
            return _read(Path(place), private=True)
        if scheme == "credential" and place and "/" not in place and place not in (".", ".."):
            if not self._folder:
                raise ConfigError(
                    (f"credential:{place}: systemd gave no credentials; use LoadCredential= in the unit",)
                )
            # systemd made the folder and guards it: mode 0400, own user, not swapped.
            return _read(Path(self._folder) / place, private=False)
        raise ConfigError(("a secret must be given as file:/absolute/path or credential:NAME",))


def _read(path: Path, *, private: bool) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and mode & 0o077:
                raise ConfigError((f"{path} may be read by others: chmod 0600 {path}",))
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError((f"{path} cannot be read: {error.strerror}",)) from error
    if len(data) > LARGEST:
        raise ConfigError((f"{path} is larger than {LARGEST} bytes: not a secret",))
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError((f"{path} is not UTF-8 text",)) from error
