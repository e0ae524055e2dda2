"""Migrations: from an empty file to what the models say, and what is said where the schema is another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.storage import migrations
from hardcase_collector.storage.state import SqlStateStore
from hardcase_collector.storage.state.connections import parse_url, writer_engine
from hardcase_collector.storage.state.models import Model
from sqlalchemy import Engine, inspect, text

from tests.peers.postgres import Postgres


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


def drift(engine: Engine) -> list[object]:
    with engine.begin() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Model.metadata))


def partial_indexes(engine: Engine) -> set[str]:
    """Autogenerate does not look at the condition of an index."""
    with engine.begin() as connection:
        seen = inspect(connection)
        return {
            str(index["name"])
            for table in seen.get_table_names()
            for index in seen.get_indexes(table)
            if any("where" in option for option in index.get("dialect_options", {}))
        }


WANTED_PARTIAL = {
    str(index.name)
    for table in Model.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"].get("where") is not None
}


def test_an_empty_file_becomes_what_the_models_say(url: str) -> None:
    engine = writer_engine(parse_url(url))
    migrations.bring_up(engine)
    migrations.bring_up(engine)
    assert drift(engine) == []
    assert partial_indexes(engine) == WANTED_PARTIAL != set()
    engine.dispose()


def test_an_empty_postgresql_becomes_what_the_models_say(server: Postgres) -> None:
    engine = writer_engine(parse_url(server.new_database("drift")))
    migrations.bring_up(engine)
    assert drift(engine) == []
    assert partial_indexes(engine) == WANTED_PARTIAL
    engine.dispose()


def test_every_step_goes_back_to_nothing_and_up_again(url: str) -> None:
    engine = writer_engine(parse_url(url))
    migrations.bring_up(engine)
    with engine.begin() as connection:
        command.downgrade(migrations._config(connection), "base")
    with engine.begin() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    migrations.bring_up(engine)
    assert drift(engine) == []
    engine.dispose()


def test_there_is_one_line_of_revisions() -> None:
    script = ScriptDirectory.from_config(migrations._config(None))
    assert len(script.get_heads()) == 1


def test_a_store_that_is_not_migrated_says_what_to_do(url: str) -> None:
    with pytest.raises(StoreFailed, match="hardcase-collector init"):
        SqlStateStore.open(url, migrate=False)
    SqlStateStore.open(url, migrate=True).close()
    SqlStateStore.open(url, migrate=False).close()


def test_a_newer_programs_schema_is_left_alone(url: str) -> None:
    SqlStateStore.open(url, migrate=True).close()
    engine = writer_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreFailed, match="newer program"):
        SqlStateStore.open(url, migrate=False)


def test_a_migration_that_fails_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = writer_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE cases (id INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        migrations.bring_up(engine)
    with engine.begin() as connection:
        assert set(inspect(connection).get_table_names()) <= {"cases", "alembic_version"}
    engine.dispose()
