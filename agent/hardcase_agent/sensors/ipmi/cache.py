"""The SDR cache file: what a BMC's sensors are, keyed by what must not have changed. Written whole or not at all.

`bmc.py` loads it at start and saves it after a survey. A file that is not exactly right counts as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardcase_agent.sensors.ipmi.records import Defaults
from hardcase_agent.sensors.ipmi.repository import Repository

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """One BMC's cache. `comparisons`: what the BMC said of each limit when the sensor was first seen."""

    key: str
    repository: Repository
    comparisons: Mapping[str, int]


class StateFile:
    """A JSON document with its own checksum, replaced atomically. Unreadable means absent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Any] | None:
        try:
            envelope = json.loads(self._path.read_bytes())
            content = envelope["content"]
            if envelope["version"] != VERSION or envelope["sha256"] != _digest(content):
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return content if isinstance(content, dict) else None

    def save(self, content: Mapping[str, Any]) -> None:
        """Raises OSError where the directory refuses it."""
        envelope = {"version": VERSION, "sha256": _digest(content), "content": content}
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(json.dumps(envelope).encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load(file: StateFile, key: str) -> Cached | None:
    """What was saved under this key and decodes without a single error; None otherwise."""
    content = file.load()
    if content is None or content.get("key") != key:
        return None
    try:
        repository = Repository(
            records=tuple(bytes.fromhex(record) for record in content["records"]),
            stated={name: _defaults(stated) for name, stated in content["limits"].items()},
        )
        comparisons = {str(name): int(bits) for name, bits in content["comparisons"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    if not repository.records or repository.parsed()[1] != content.get("broken"):
        return None
    return Cached(key=key, repository=repository, comparisons=comparisons)


def save(file: StateFile, cached: Cached) -> None:
    """Raises OSError."""
    file.save(
        {
            "key": cached.key,
            "records": [record.hex() for record in cached.repository.records],
            "broken": cached.repository.parsed()[1],
            "limits": {
                name: [stated.readable, stated.values.hex(), stated.rising, stated.falling]
                for name, stated in cached.repository.stated.items()
            },
            "comparisons": dict(cached.comparisons),
        }
    )


def _defaults(stated: list[Any]) -> Defaults:
    readable, values, rising, falling = stated
    return Defaults(readable=int(readable), values=bytes.fromhex(values), rising=int(rising), falling=int(falling))
