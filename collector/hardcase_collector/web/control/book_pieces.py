"""Carries out what an import of the books was found to change, in short turns of the writer. Called by `books.py`.

One import, or one line, at a time: nobody else changes the books between finding out and the last piece.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hardcase_collector.domain.errors import CollectorError, NotAllowed
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.said import Said
from hardcase_collector.registry.changes import Change, apply
from hardcase_collector.web.again import again
from hardcase_collector.web.api.kept import in_parts, unfinished

_WAIT_S = 30.0
"""A hundred thousand lines take longer; whoever comes meanwhile is told so."""
_REST_S = 0.005
"""Between two pieces: a lock that is taken again at once is not had by who waits for it."""
_turn = threading.Lock()


@contextmanager
def book_turn() -> Iterator[None]:
    """Whoever changes the books has it. Raises NotAllowed where an import takes long."""
    if not _turn.acquire(timeout=_WAIT_S):
        raise NotAllowed("an import of the books is under way: try again when it is done")
    try:
        yield
    finally:
        _turn.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How far it came."""

    done: tuple[Change, ...]
    moved_agents: tuple[int, ...]
    stopped: Said | None = None
    """Why it stopped before the last piece."""


Audit = Callable[[Transaction, Sequence[Change]], None]
"""Writes an entry of the audit log, given what it is about."""


def carry_out(store: StateStore, pieces: Sequence[Sequence[Change]], *, begun: Audit, over: Audit) -> Carried:
    """`begun`: with the first of several pieces; `over`: with the last. Each piece is whole, or not there at all.

    Raises what the store raises where not even the first piece went in.
    """
    done: list[Change] = []
    moved: list[int] = []
    whole = [change for piece in pieces for change in piece]

    def one(number: int) -> tuple[int, ...]:
        with store.write() as tx:
            agents = apply(tx, pieces[number])
            if number == 0 and len(pieces) > 1:
                begun(tx, whole)
            if number == len(pieces) - 1:
                over(tx, whole)
        return agents

    for number, piece in enumerate(pieces):
        try:
            with in_parts(first=number == 0, last=number == len(pieces) - 1):
                moved += again(one)(number)
        except CollectorError as error:
            if not done:
                raise
            unfinished()
            return Carried(done=tuple(done), moved_agents=tuple(moved), stopped=error.said)
        done += piece
        if number < len(pieces) - 1:
            time.sleep(_REST_S)
    return Carried(done=tuple(done), moved_agents=tuple(moved))
