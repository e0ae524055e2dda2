"""Changes of an import in pieces that each fit a short turn of the writer. Pure; asked by the control socket.

What was validated as a whole is applied piece by piece, in the order in which lines depend on each other, so that the
books are right after every piece. An import that was cut off is gone on with by running it again: only what is not as
the files say is a change then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from hardcase_collector.registry.changes import Change, Turn
from hardcase_collector.registry.written import Kind

PIECE = 200
"""Lines. On the slowest machine measured a line took 0.6 ms, so readings wait for 0.12 s at most."""
_FIRST = (Kind.CUSTOMER, Kind.SITE)


def pieces_of(
    changes: Sequence[Change], *, together: Collection[str] = (), size: int = PIECE
) -> tuple[tuple[Change, ...], ...]:
    """`together`: keys of assets whose agents move with them to another customer; they go in one piece, however many.

    An agent writes for assets of one customer alone: between two pieces it must not watch those of two.
    """
    if len(changes) <= size:
        return (tuple(changes),) if changes else ()
    first, moving, rest = [], [], []
    for change in changes:
        if change.turn is not Turn.REMOVED and change.kind in _FIRST:
            first.append(change)
        elif change.kind is Kind.ASSET and change.key[0] in together:
            moving.append(change)
        else:
            rest.append(change)
    cut = [*_cut(first, size), *([tuple(moving)] if moving else []), *_cut(rest, size)]
    return tuple(cut)


def _cut(changes: Sequence[Change], size: int) -> Iterable[tuple[Change, ...]]:
    return (tuple(changes[at : at + size]) for at in range(0, len(changes), size))


def import_id(files: Mapping[str, str], *, customer: str | None, remove: bool) -> str:
    """The same for the same files in the same scope: what was cut off and what went on are one."""
    digest = hashlib.sha256(f"{customer or ''}\0{remove}".encode())
    for name, text in sorted(files.items()):
        for part in (name, text):
            digest.update(len(part).to_bytes(8, "big") + part.encode("utf-8", "replace"))
    return digest.hexdigest()[:12]
