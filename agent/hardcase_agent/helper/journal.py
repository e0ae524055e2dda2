"""The helper's words to the journal: what was refused, to whom and why, without letting anybody flood it.

Used by `server.py` and `tool_runs.py`. systemd takes standard error into the journal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

AGAIN_S = 600.0
"""The same line is written once in this time, with how often it was wanted."""
KINDS = 128
"""Lines that are remembered; the oldest makes room."""
BURST = 40
EVERY_S = 10.0
"""Of all lines together: this many at once, then one in so many seconds. The rest is counted and told with the next."""


def write(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class Journal:
    def __init__(self, *, clock: Callable[[], float], write: Callable[[str], None] = write) -> None:
        self._clock = clock
        self._write = write
        self._kinds: dict[tuple[str, str], list[float]] = {}
        """When a line of that kind was written last, and how many like it were not since."""
        self._room = float(BURST)
        self._filled_at = clock()
        self._unwritten = 0

    def tell(self, what: str) -> None:
        """Something that happened."""
        self._say(what, "", what)

    def refused(self, uid: int, pid: int, why: str) -> None:
        """By the peer's credentials as the kernel gave them. Another pid of the same user does not make it another
        line: who asks from ever new processes would flood otherwise."""
        self._say(f"refused uid {uid}", why, f"refused: uid {uid}, pid {pid}: {why}")

    def _say(self, who: str, why: str, line: str) -> None:
        now = self._clock()
        known = self._kinds.get((who, why))
        if known is not None and now < known[0] + AGAIN_S:
            known[1] += 1
            return
        self._room = min(float(BURST), self._room + (now - self._filled_at) / EVERY_S)
        self._filled_at = now
        if self._room < 1.0:
            self._unwritten += 1
            return
        self._room -= 1.0
        if known is not None and known[1]:
            line += f" ({int(known[1])} more like it since the last line)"
        if self._unwritten:
            line += f" ({self._unwritten} other lines were left out)"
            self._unwritten = 0
        self._kinds.pop((who, why), None)
        if len(self._kinds) >= KINDS:
            del self._kinds[next(iter(self._kinds))]
        self._kinds[who, why] = [now, 0.0]
        self._write(_printable(line))


def _printable(line: str) -> str:
    """What a client said must not become a line of its own, or move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in line[:600])
