"""How often somebody may be wrong: passwords per name at an address, per address and at all; API tokens per address.

Everything here is bounded, in memory, and empty again after a restart.
"""

from __future__ import annotations

import threading

from hardcase_collector.domain.pace import group_of

FAILURES_OF_NAME = 5
FAILURES_OF_ADDRESS = 25  # Several people may sit behind one address.
FAILURES_AT_ALL = 300
"""From many addresses; from then on only those may try from which somebody signed in before."""
WINDOW_MS = 300_000
REMEMBERED_KEYS = 4096
_EVERYBODY = ""


class LoginThrottle:
    """Counts wrong passwords.

    Never per name alone: anybody could then lock out the administrator.
    """

    def __init__(self) -> None:
        self._failures: dict[str, list[int]] = {}
        self._known: dict[str, None] = {}
        self._lock = threading.Lock()

    def admit(self, name: str, address: str, *, now_ms: int) -> bool:
        """Whether this try may be looked at. It counts as wrong until it `proved` right: a burst of many at once gets
        no more looked at than the same tries one after the other."""
        with self._lock:
            if self.blocked(name, address, now_ms=now_ms):
                return False
            self.failed(name, address, now_ms=now_ms)
            return True

    def proved(self, name: str, address: str, *, now_ms: int) -> None:
        """The try admitted at this time was right."""
        group = group_of(address)
        with self._lock:
            for key in (f"{group} {name}", group, _EVERYBODY):
                if now_ms in self._failures.get(key, ()):
                    self._failures[key].remove(now_ms)

    def blocked(self, name: str, address: str, *, now_ms: int) -> bool:
        group = group_of(address)
        of_name = len(self._recent(f"{group} {name}", now_ms))
        if of_name >= FAILURES_OF_NAME or len(self._recent(group, now_ms)) >= FAILURES_OF_ADDRESS:
            return True
        return group not in self._known and len(self._recent(_EVERYBODY, now_ms)) >= FAILURES_AT_ALL

    def failed(self, name: str, address: str, *, now_ms: int) -> None:
        group = group_of(address)
        everybody = self._recent(_EVERYBODY, now_ms)
        for key in (f"{group} {name}", group):
            recent = self._recent(key, now_ms)
            self._failures.pop(key, None)
            if len(self._failures) >= REMEMBERED_KEYS:
                del self._failures[next(iter(self._failures))]
            self._failures[key] = [*recent, now_ms]
        # Put in last: what was put in first is forgotten first.
        self._failures.pop(_EVERYBODY, None)
        self._failures[_EVERYBODY] = [*everybody, now_ms][-FAILURES_AT_ALL:]

    def succeeded(self, address: str) -> None:
        group = group_of(address)
        self._known.pop(group, None)
        if len(self._known) >= REMEMBERED_KEYS:
            del self._known[next(iter(self._known))]
        self._known[group] = None

    def _recent(self, key: str, now_ms: int) -> list[int]:
        return [at_ms for at_ms in self._failures.get(key, ()) if now_ms - at_ms < WINDOW_MS]
