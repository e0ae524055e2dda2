"""Forgetting in the store: of a customer no row is left in any table, of a person no field with the name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.migrations import bring_up
from hardcase_collector.storage.state.audit_store import opened
from hardcase_collector.storage.state.belonging import belongs, kind_of, tables
from hardcase_collector.storage.state.connections import parse_url, writer_engine
from hardcase_collector.storage.state.forgetting_store import SqlForgettingStore
from hardcase_collector.storage.state.models import Model
from hardcase_collector.storage.state.names_in_text import WRITTEN, Names
from hardcase_collector.storage.state.pseudonyms import COPIES, PEOPLE, REMOVED
from sqlalchemy import Column, Engine, LargeBinary, String

from tests.peers.postgres import Postgres
from tests.unit.collector.state.schema_filler import Filler, dump, holds

SHELLS = {"agents", "assets", "feeds", "sensors", "catalogues"}
ADA = "Ada Lovelace"
NAMING = ("by", "actor", "assignee", "engineer", "whom", "asked", "goes_out", "comes_in", "author", "manager", "person")
"""Words in the names of columns that name people."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = writer_engine(parse_url(f"sqlite:///{tmp_path}/state.db"))
    bring_up(made)
    yield made
    made.dispose()


def test_of_a_forgotten_customer_no_row_of_any_table_says_anything(engine: Engine, tmp_path: Path) -> None:
    check_a_customer_goes_whole(engine)
    engine.dispose()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert b"northmark" in kept
    assert b"southmark" not in kept


def test_of_a_forgotten_customer_nothing_is_left_in_postgresql(server: Postgres) -> None:
    made = writer_engine(parse_url(server.new_database("forgetting")))
    bring_up(made)
    check_a_customer_goes_whole(made)
    check_a_person_becomes_a_pseudonym(made)
    made.dispose()


def check_a_customer_goes_whole(engine: Engine) -> None:
    with engine.begin() as connection:
        Filler(connection).fill()
        before = dump(connection)
    with engine.begin() as connection:
        store = SqlForgettingStore(connection)
        traces = store.traces_of_customer("south")
        assert dump(connection) == before
        gone = store.erase_customer("south")
    with engine.begin() as connection:
        after = dump(connection)
        assert gone == traces
        assert SqlForgettingStore(connection).traces_of_customer("south") == {}
    for table in tables():
        if table.name in SHELLS:
            assert len(after[table.name]) == len(before[table.name]), table.name
        elif belongs(table) is not None:
            assert len(after[table.name]) == len(before[table.name]) - 1, table.name
        assert [row for row in after[table.name] if holds(row, "south")] == [], table.name
        mine = [row for row in before[table.name] if holds(row, "northmark")]
        assert [row for row in after[table.name] if holds(row, "northmark")] == mine, table.name


def test_numbers_of_a_forgotten_customer_are_not_given_again(engine: Engine) -> None:
    with engine.begin() as connection:
        Filler(connection).fill()
        before = dump(connection)
        SqlForgettingStore(connection).erase_customer("south")
        after = dump(connection)
    for name in SHELLS:
        table = Model.metadata.tables[name]
        place = [column.name for column in table.columns].index(next(iter(table.primary_key)).name)
        assert {row[place] for row in after[name]} == {row[place] for row in before[name]}


def naming(column: Column[object]) -> object:
    """Ada in every column that names people, and within every copy."""
    if column.name in PEOPLE.get(column.table.name, ()):
        return ADA
    if column.table.name in REMOVED and column.name in ("name", "user_name"):
        return ADA if column.table.name not in ("contacts",) else None
    if column.name in WRITTEN.get(column.table.name, ()):
        return f"told by {ADA}."
    if column.name in COPIES.get(column.table.name, ()):
        told = json.dumps({"who": ADA, "all": [{"x": ADA}], "text": f"{ADA} said so", "n": 3})
        return told.encode() if isinstance(column.type, LargeBinary) else told
    return None


def check_a_person_becomes_a_pseudonym(engine: Engine) -> None:
    with engine.begin() as connection:
        store = SqlForgettingStore(connection)
        with opened(connection, "a new test", ()):
            for table in reversed(tables()):
                if table.name != "audit_openings":
                    connection.execute(table.delete())
        connection.execute(Model.metadata.tables["audit_openings"].delete())
        Filler(connection, naming_once()).fill()
        before = store.traces_of_person(ADA, customer=None)
        assert before == store.replace_person(ADA, "forgotten-1", customer=None)
        assert store.traces_of_person(ADA, customer=None) == {}
        after = dump(connection)
    named = {name for name in {*PEOPLE, *COPIES, *WRITTEN}}
    assert named <= set(before)
    for name, rows in after.items():
        for row in rows:
            assert ADA not in row, name
            assert not holds(row, ADA), name
            for cell in row:
                if holds((cell,), "forgotten-1") and holds((cell,), "{"):
                    tree = json.loads(str(cell.decode() if isinstance(cell, bytes) else cell))
                    assert tree == {
                        "who": "forgotten-1",
                        "all": [{"x": "forgotten-1"}],
                        "text": "forgotten-1 said so",
                        "n": 3,
                    }


def naming_once():  # type: ignore[no-untyped-def]  # a closure over what is taken already
    """As `naming`, but a name that must be unique is given once."""
    taken: set[tuple[str, str]] = set()

    def said(column: Column[object]) -> object:
        value = naming(column)
        place = (column.table.name, column.name)
        if value == ADA and (column.primary_key or column.table.name in REMOVED):
            if place in taken:
                return None
            taken.add(place)
        return value

    return said


def test_a_person_becomes_a_pseudonym_in_every_field_and_copy(engine: Engine) -> None:
    check_a_person_becomes_a_pseudonym(engine)


def test_every_column_that_names_people_is_known() -> None:
    unknown = [
        f"{table.name}.{column.name}"
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String) or type(column.type).__name__ == "Words"
        if set(column.name.split("_")) & set(NAMING) or column.name.startswith("contact_")
        if column.name not in PEOPLE.get(table.name, ()) and (table.name, column.name) != ("dispatches", "engineer")
    ]
    assert unknown == []


def test_a_person_of_one_customer_stays_who_he_is_with_another(engine: Engine) -> None:
    def said(column: Column[object]) -> object:
        return ADA if (column.table.name, column.name) in {("contacts", "name"), ("timeline", "actor")} else None

    with engine.begin() as connection:
        Filler(connection, said).fill()
        store = SqlForgettingStore(connection)
        assert list(store.customers_of(ADA)) == ["north", "south"]
        store.replace_person(ADA, "forgotten-1", customer="south")
        after = dump(connection)
    assert [row for row in after["contacts"] if ADA in row and "north" in row]
    assert len(after["contacts"]) == 1
    assert sorted(str(row) for row in after["timeline"] if ADA in row) == sorted(
        str(row) for row in after["timeline"] if "forgotten-1" not in row
    )
    assert len([row for row in after["timeline"] if "forgotten-1" in row]) == 1


WROTE = {
    "reason",
    "comment",
    "description",
    "solution",
    "found",
    "done",
    "result",
    "note",
    "text",
    "detail",
    "reference",
}
"""Names of columns in which people write; `title` and `name` are looked at one by one."""
NOT_WRITTEN = {
    ("coverage", "reason"),
    ("events", "text"),
    ("quarantine", "detail"),
    ("service_reports", "result"),
    ("source_statuses", "detail"),
    ("whys", "reason"),
}
"""Said by machines, or one of a closed set."""


def test_every_column_that_people_write_in_is_known() -> None:
    unknown = [
        (table.name, column.name)
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if set(column.name.split("_")) & WROTE
        if kind_of(column) is str
        if column.name not in (*WRITTEN.get(table.name, ()), *PEOPLE.get(table.name, ()))
    ]
    assert set(unknown) == NOT_WRITTEN


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("li changed it", "X changed it"),
        ("asked li, who said (li) yes.", "asked X, who said (X) yes."),
        ("the client on sh-li-01, li@b.example, /home/li/x, li.local", None),
        ("\u7531\u738b\u654f\u66f4\u6362", "\u7531X\u66f4\u6362"),
        ("mail li@north.example.", "mail X."),
        ("li", "X"),
        ("LI", None),
    ],
)
def test_a_name_is_replaced_where_the_whole_of_it_stands(text: str, after: str | None) -> None:
    names = Names(["li", "\u738b\u654f", "li@north.example"])
    assert names.in_text(text) is (after is not None)
    assert names.put(text, "X") == (text if after is None else after)


def test_a_single_letter_and_a_pattern_in_a_name_match_nothing_but_themselves() -> None:
    assert Names(["a"]).put("a bay", "X") == "a bay"
    assert Names(["a"]).put("a", "X") == "X"
    assert Names(["J. (Jo) *"]).put("said J. (Jo) * here", "X") == "said X here"


def test_an_extension_is_replaced_where_it_stands_alone_only() -> None:
    names = Names(["8001", "+49 30 1234-8001"])
    assert names.put("error 8001 on the disk, 8001 hours", "X") == "error 8001 on the disk, 8001 hours"
    assert names.put("call +49 30 1234-8001.", "X") == "call X."
    assert names.put_in_tree({"phone": "8001", "error": "code 8001"}, "X") == {"phone": "X", "error": "code 8001"}


def test_a_file_may_be_called_after_somebody() -> None:
    names = Names(["li", "\u738b\u654f"])
    assert names.put("by_li-2.log", "X", file=True) == "by_X-2.log"
    assert names.put("\u738b\u654f.pdf", "X", file=True) == "X.pdf"
    assert not names.in_text("client.log", file=True)
