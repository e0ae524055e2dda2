"""Counts what the guest's agent kept against what the collector stored: nothing lost, nothing doubled.

What was kept is told by a keeper in the guest (`inside/keeper.py`), and before the power goes by a look into the spool:
the agent syncs each sweep before it writes the next, so the last one may be missing afterwards, and no other.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.chaos.keeper import Key, frames_in
from tests.peers.vm import Guest

KEPT = "/var/lib/keeper"
UNIT = "/etc/systemd/system/keeper.service"
LOST_SWEEPS = 1
"""That was written and not yet synced."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A frame in the collector's store."""

    source: str
    epoch: bytes
    sequence: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The power went."""

    seen: frozenset[Key]
    """Frames that were in the spool a moment before."""


class GuestKeeper:
    """Starts with the guest, also after it lost its power."""

    def __init__(self, guest: Guest, spool: str) -> None:
        self._guest = guest
        self._spool = spool

    def start(self) -> None:
        unit = (
            "[Unit]\\nDefaultDependencies=no\\nAfter=local-fs.target\\nBefore=hardcase-agent.service\\n"
            f"[Service]\\nExecStart=/usr/bin/python3 /var/lib/keeper.py {self._spool} {KEPT}\\n"
            "[Install]\\nWantedBy=multi-user.target\\n"
        )
        self._guest.run(
            f"cp /mnt/share/inside/keeper.py /var/lib/keeper.py && printf '{unit}' > {UNIT} && mkdir -p {KEPT} && "
            "systemctl daemon-reload && systemctl enable --now keeper.service && sync"
        )

    def cut(self, folder: Path) -> Cut:
        """Looks into the spool, and the power goes."""
        _, seen = self.fetch(folder)
        self._guest.cut()
        return Cut(frozenset(seen))

    def fetch(self, folder: Path) -> tuple[set[Key], set[Key]]:
        """Frames that ever were in the spool, and those that are in it now."""
        found = []
        for number, place in enumerate((KEPT, self._spool)):
            target = folder / str(number)
            packed = self._guest.run(f"cd {place} && ls | grep '[.]seg$' | tar -cf - -T - | base64 -w0")
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as archive:
                archive.extractall(target, filter="data")
            found.append(frames_in(sorted(target.glob("*.seg"))))
        return found[0] | found[1], found[1]

    def remove(self) -> None:
        self._guest.run(
            f"systemctl disable --now keeper.service; rm -rf {UNIT} {KEPT} /var/lib/keeper.py; systemctl daemon-reload"
        )


def stored_sweeps(telemetry: Path) -> list[Sweep]:
    """Every frame in the telemetry store of a stopped collector, repetitions too, read without the collector's code."""
    (database,) = telemetry.glob("*.duckdb")
    wanted = "SELECT source, epoch, sequence, wall_ms FROM {} JOIN catalogues ON catalogue = number"
    with duckdb.connect(str(database), read_only=True) as store:
        names = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'frames_%'"
        places = [f'"{name}"' for (name,) in store.execute(names).fetchall()]
        places += [
            f"read_parquet('{telemetry / file}')"
            for (file,) in store.execute("SELECT frames_file FROM parts").fetchall()
        ]
        rows = [row for place in places for row in store.execute(wanted.format(place)).fetchall()]
    return [Sweep(source, bytes(epoch), sequence, wall_ms) for source, epoch, sequence, wall_ms in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the count says; `wrong` is empty where every promise was kept."""

    kept: int
    stored: int
    waiting: int
    lost: int
    doubled: int
    sweeps_missing: tuple[str, ...]
    """More than the one that was not yet synced."""

    @property
    def wrong(self) -> tuple[str, ...]:
        counted = (("frames lost", self.lost), ("frames stored twice", self.doubled))
        return (*(f"{what}: {count}" for what, count in counted if count), *self.sweeps_missing)


def count(kept: set[Key], waiting: set[Key], stored: Sequence[Sweep], cuts: Sequence[Cut]) -> Verdict:
    times = Counter((sweep.epoch, sweep.sequence) for sweep in stored)
    missing = [len(cut.seen - waiting - set(times)) for cut in cuts]
    return Verdict(
        kept=len(kept),
        stored=len(times),
        waiting=len(waiting - set(times)),
        lost=len(kept - waiting - set(times)),
        doubled=sum(count - 1 for count in times.values()),
        sweeps_missing=tuple(
            f"{number} sweeps gone with the power, {LOST_SWEEPS} may be" for number in missing if number > LOST_SWEEPS
        ),
    )


def as_json(verdict: Verdict) -> str:
    return json.dumps({name: getattr(verdict, name) for name in ("kept", "stored", "waiting", "lost", "doubled")})
