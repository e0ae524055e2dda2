"""Database errors as the collector's own: what failed, and what to do. Used by `store.py` round every transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from hardcase_collector.domain.errors import StoreFailed, TryAgain

# SQLSTATE 40001 serialization failure, 40P01 deadlock: the same work may succeed at once.
_AGAIN = frozenset({"40001", "40P01"})
_CURES = (
    ("disk is full", "free space on its disk"),
    ("no space left", "free space on its disk"),
    (
        "readonly database",
        "a reading transaction may not write; if the file is read-only, give the collector the right",
    ),
    ("read-only transaction", "a reading transaction may not write"),
    ("malformed", "restore a backup: the file is damaged"),
    ("not a database", "restore a backup: the file is damaged"),
    ("locked", "find the other process that holds the file"),
    ("unable to open", "check that its folder exists and belongs to the collector's user"),
    ("no such table", "run `hardcase-collector migrate`"),
    ("does not exist", "run `hardcase-collector migrate`"),
    ("no such column", "run `hardcase-collector migrate`"),
    ("password authentication", "check the credential of its URL"),
    ("connection", "check that the database server runs and can be reached"),
    ("limit of size", "too many readers at once: try again"),
)


@contextmanager
def named(doing: str) -> Iterator[None]:
    """Turns every error of the database into StoreFailed. Parameters are never part of the message."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        kind = TryAgain if _worth_another_try(error) else StoreFailed
        raise kind(f"the state store failed while {doing}: {_describe(error)}") from error
    except OverflowError as error:
        raise StoreFailed(f"the state store failed while {doing}: a number does not fit in 64 bits") from error


def _worth_another_try(error: exc.SQLAlchemyError) -> bool:
    return isinstance(error, exc.DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN


def _describe(error: exc.SQLAlchemyError) -> str:
    shown = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    # The driver's further lines (DETAIL, CONTEXT) quote values; the first line does not.
    reason = (str(shown).splitlines() or [type(error).__name__])[0]
    lowered = reason.lower()
    for sign, cure in _CURES:
        if sign in lowered:
            return f"{reason}: {cure}"
    return f"{reason}: nothing of it was kept; see the journal, and the database's own log"
