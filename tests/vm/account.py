"""Counts what the guest's agent kept against what the collector stored: nothing lost, nothing doubled.

What was kept is told by a keeper in the guest (`inside/keeper.py`) and by the clock: of a source that is read every few
seconds, the last sweep before the power went may be missing, and no other.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import duckdb

from tests.chaos.keeper import Key, frames_in
from tests.peers.vm import Guest

KEPT = "/var/lib/keeper"
UNIT = "/etc/systemd/system/keeper.service"
LOST_SWEEPS = 1
"""Of each source, that were read and not yet synced."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A frame in the collector's store."""

    source: str
    epoch: bytes
    sequence: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment at which the power went, in the guest's time."""

    wall_ms: int


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
    """Of a source more than the sweep that was not yet synced."""

    @property
    def wrong(self) -> tuple[str, ...]:
        counted = (("frames lost", self.lost), ("frames stored twice", self.doubled))
        return (*(f"{what}: {count}" for what, count in counted if count), *self.sweeps_missing)


def count(
    kept: set[Key], waiting: set[Key], stored: Sequence[Sweep], cuts: Sequence[Cut], *, often: Sequence[str]
) -> Verdict:
    """`often`: sources that are read every few seconds, of which a missing sweep shows."""
    times = Counter((sweep.epoch, sweep.sequence) for sweep in stored)
    missing = [
        f"{source}: {line}" for source in often for cut in cuts if (line := _missing(source, cut, stored)) is not None
    ]
    return Verdict(
        kept=len(kept),
        stored=len(times),
        waiting=len(waiting - set(times)),
        lost=len(kept - waiting - set(times)),
        doubled=sum(count - 1 for count in times.values()),
        sweeps_missing=tuple(missing),
    )


def _missing(source: str, cut: Cut, stored: Sequence[Sweep]) -> str | None:
    """What is wrong with the last sweeps of a source before a cut."""
    own = sorted(sweep.wall_ms for sweep in stored if sweep.source.partition("@")[0] == source)
    before = [wall_ms for wall_ms in own if wall_ms <= cut.wall_ms][-20:]
    if len(before) < 3:
        return f"{len(before)} sweeps before a cut: too few to tell"
    # A sweep is stamped when it begins: one more may have begun than was under way.
    usual_ms = median(later - earlier for earlier, later in pairwise(before))
    silent_ms = cut.wall_ms - before[-1]
    if silent_ms > (LOST_SWEEPS + 1) * usual_ms + SLACK_MS:
        return f"the last sweep was {silent_ms / 1000:.1f} s before a cut, and one comes every {usual_ms / 1000:.1f} s"
    return None


SLACK_MS = 1000.0
"""The guest's clock is read with a command that takes as long as half of this; a busy guest sweeps late."""


def as_json(verdict: Verdict) -> str:
    return json.dumps({name: getattr(verdict, name) for name in ("kept", "stored", "waiting", "lost", "doubled")})
