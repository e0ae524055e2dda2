"""A restore that was cut off: which backup it was of, so that it goes on with the rows that it placed. Used by
`restoring.py`.

The rows come into a database in one transaction, the folders by renames after it. A small file in the data directory
says from before the first to after the last that a restore is under way.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select

from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.storage.backup.archive import About
from hardcase_collector.storage.state.models.audit import AuditRow
from hardcase_collector.storage.state.upserts import table_of

FILE = "restore.begun"
RESTORED = "collector.restored"
"""In the audit log of what was restored, the last entry before anybody uses it."""
_AUDIT = table_of(AuditRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    at_ms: int
    taken_ms: int
    ca_fingerprint: str

    def left_in(self, connection: Connection) -> bool:
        """Whether this database has its rows, and nobody has written there since."""
        last = connection.execute(select(_AUDIT.c.action, _AUDIT.c.at_ms).order_by(_AUDIT.c.id.desc()).limit(1)).first()
        return last is not None and (last.action, last.at_ms) == (RESTORED, self.at_ms)

    def check_same(self, about: About) -> None:
        """Raises IllegalAction for another backup than the one it was begun with."""
        if (self.taken_ms, self.ca_fingerprint) != (about.taken_ms, about.ca_fingerprint):
            taken = datetime.fromtimestamp(self.taken_ms / 1000, UTC)
            raise IllegalAction(
                "the state database holds the rows of a restore that was cut off, of the backup taken on "
                "{taken} UTC: give that file again, or name a new database in state.url",
                taken=f"{taken:%Y-%m-%d %H:%M}",
            )


def begun_in(data_dir: Path) -> Begun | None:
    """None: no restore was cut off here, or what is left of it cannot be read."""
    try:
        told = Begun(**json.loads((data_dir / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return told if type(told.at_ms) is int and type(told.taken_ms) is int and 0 <= told.taken_ms < 1 << 47 else None


def begin(data_dir: Path, about: About, now_ms: int) -> None:
    """On disk when it returns. Raises OSError."""
    begun = Begun(at_ms=now_ms, taken_ms=about.taken_ms, ca_fingerprint=about.ca_fingerprint)
    fresh = data_dir / f"{FILE}.new"
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        json.dump(asdict(begun), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, data_dir / FILE)
    folder = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def end(data_dir: Path) -> None:
    (data_dir / FILE).unlink(missing_ok=True)
