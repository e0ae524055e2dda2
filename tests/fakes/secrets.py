"""A `SecretReader` of files without any of the real one's checks."""

from __future__ import annotations

from pathlib import Path

from hardcase_agent.domain.errors import ConfigError


class FileSecrets:
    def read(self, reference: str) -> str:
        path = Path(reference.removeprefix("file:"))
        if not path.is_file():
            raise ConfigError((f"{path}: no such file",))
        return path.read_text().strip()
