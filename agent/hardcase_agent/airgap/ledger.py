"""What was exported so far: numbers given, the hash of the last file of each epoch, and what receipts said.

One small file in the state folder, replaced as a whole and held while a command uses it. Lost, it costs nothing but
that the collector refuses numbers it has seen, until a receipt brings them back.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hardcase_agent.airgap.files import sync_folder
from hardcase_agent.domain.errors import AccessDenied, ExportFailed, SpoolFailed

FILE = "exports.json"
LOCK = "exports.lock"
VERSION = 1


@dataclass(slots=True, kw_only=True)
class EpochLine:
    number: int = 0
    """Of the last file."""
    hash: str = ""
    """Of it, SHA-256, hex."""
    exported: int = 0
    """Through this sequence."""
    taken: int = 0
    """Through this sequence the collector has it, as a receipt said."""


@dataclass(slots=True, kw_only=True)
class Ledger:
    ordinal: int = 0
    """Files made so far."""
    receipt: int = 0
    """Number of the newest receipt that was applied."""
    epochs: dict[str, EpochLine] = field(default_factory=dict)
    """By epoch, hex."""

    def of(self, epoch: bytes) -> EpochLine:
        return self.epochs.setdefault(epoch.hex(), EpochLine())

    def keep(self, epochs: set[bytes]) -> None:
        """Lets go of epochs of which nothing is held any more."""
        self.epochs = {name: line for name, line in self.epochs.items() if bytes.fromhex(name) in epochs}


@contextmanager
def held(state_dir: Path) -> Iterator[LedgerFile]:
    """The ledger, while nobody else has it. Raises SpoolFailed while another command has, AccessDenied."""
    try:
        lock = os.open(state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AccessDenied(f"{state_dir} cannot be used: {error.strerror}: run this as root") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SpoolFailed("another export or receipt is under way on this host; wait for it") from error
        yield LedgerFile(state_dir)
    finally:
        os.close(lock)


class LedgerFile:
    """Made by `held`."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self.ledger = self._read()

    def _read(self) -> Ledger:
        path = self._state_dir / FILE
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            if told["version"] != VERSION:
                raise AccessDenied(f"{path} has version {told['version']}, this release reads {VERSION}: upgrade it")
            epochs = {bytes.fromhex(name).hex(): _line(line) for name, line in told["epochs"].items()}
            return Ledger(ordinal=int(told["ordinal"]), receipt=int(told["receipt"]), epochs=epochs)
        except FileNotFoundError:
            return Ledger()
        except OSError as error:
            raise AccessDenied(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise AccessDenied(f"{path} is damaged: remove it and apply the last receipt again") from error

    def store(self) -> None:
        """Synced on return. Raises ExportFailed."""
        path = self._state_dir / FILE
        fresh = self._state_dir / f"{FILE}.new"
        try:
            fresh.unlink(missing_ok=True)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, **asdict(self.ledger)}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
            sync_folder(self._state_dir)
        except OSError as error:
            raise ExportFailed(f"{path} cannot be written: {error.strerror}") from error


def _line(told: Mapping[str, object]) -> EpochLine:
    """Raises TypeError, ValueError."""
    line = EpochLine(**told)  # type: ignore[arg-type]  # looked at below
    if any(type(number) is not int or number < 0 for number in (line.number, line.exported, line.taken)):
        raise TypeError("an epoch's numbers")
    bytes.fromhex(line.hash)
    return line
