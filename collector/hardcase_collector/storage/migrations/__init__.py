"""Alembic migrations of the state store, run by the program itself: `bring_up` at start, `schema_trouble` to look.

One revision per file in `versions/`; a later release first expands, and contracts one release after.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine


def bring_up(engine: Engine) -> None:
    """Upgrades to this program's schema in one transaction: all of it, or nothing."""
    with engine.begin() as connection:
        if _current(connection) != _newest():
            command.upgrade(_config(connection), "head")


def schema_trouble(engine: Engine) -> str:
    """ "" or what is wrong with the schema, and what to do."""
    with engine.begin() as connection:
        found = _current(connection)
    if found == _newest():
        return ""
    if found is None:
        return "the state store is empty: run `hardcase-collector init`"
    if found not in _revisions():
        return f"the state store has schema {found}, which a newer program made: start that one"
    return f"the state store has schema {found}, this program needs {_newest()}: run `hardcase-collector migrate`"


def newest() -> str:
    """This program's schema."""
    found = _newest()
    assert found is not None  # there are revisions
    return found


def is_known(schema: str) -> bool:
    """Whether this program can bring it up to its own."""
    return schema in _revisions()


def _revisions() -> set[str]:
    return {revision.revision for revision in ScriptDirectory.from_config(_config(None)).walk_revisions()}


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config(None)).get_current_head()
