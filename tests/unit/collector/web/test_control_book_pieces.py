"""A large import goes in by short turns of the writer: whole, or honest about how far it came and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.domain.asset import AssetFacts, AssetMode
from hardcase_collector.domain.customer import Customer
from hardcase_collector.domain.errors import CollectorError, NotFound, StoreFailed
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.registry.changes import Change, Turn
from hardcase_collector.registry.pieces import PIECE, import_id, pieces_of
from hardcase_collector.registry.written import Kind
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.control import book_pieces

from tests.fakes.empty_store import empty_store
from tests.unit.collector.web.control_client import Socket

MANY = 2 * PIECE + 50
FILES = {
    "customers.csv": "name,title\nnorth,North AG\n",
    "sites.csv": "customer,name,time_zone\nnorth,ber1,Europe/Berlin\n",
    "assets.csv": "customer,vendor,serial,site\n"
    + "".join(f"north,Dell,7ABC{number:03},ber1\n" for number in range(MANY)),
}


class Counted:
    """A store that counts the lines of the books of each of its write turns, and fails at the turn it is told."""

    def __init__(self, store: SqlStateStore) -> None:
        self._store = store
        self.assets: list[int] = []
        self.fails_at = 0
        self.fails_with: CollectorError = StoreFailed("the disk is full")
        self.meanwhile: Callable[[Transaction], None] | None = None
        """Done once, before the next turn."""

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        if self.meanwhile is not None:
            with self._store.write() as tx:
                self.meanwhile(tx)
            self.meanwhile = None
        with self._store.write() as tx:
            before = len(tx.assets.all(customer=None))
            yield tx
            self.assets.append(len(tx.assets.all(customer=None)) - before)
            if len(self.assets) == self.fails_at:
                raise self.fails_with

    def read(self) -> AbstractContextManager[Transaction]:
        return self._store.read()

    def healthy(self) -> str:
        return self._store.healthy()

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Counted]:
    opened = Counted(empty_store(tmp_path / "state.db"))
    yield opened
    opened.close()


@pytest.fixture
def socket(store: Counted) -> Socket:
    return Socket(store)  # type: ignore[arg-type]  # the same ports


def load(socket: Socket, **how: Any) -> dict[str, Any]:
    answer = socket.post("/books", files=FILES, **{"dry_run": False, **how})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def audits(socket: Socket) -> list[tuple[str, str]]:
    """Oldest first: what was done, and under which import."""
    return [(one["action"], one["facts"]["import"]) for one in reversed(socket.get("/audit").json()["audit"])]


def test_no_turn_of_the_writer_takes_more_lines_than_a_piece_has(socket: Socket, store: Counted) -> None:
    done = load(socket)
    assert (done["done"], done["stopped"], len(done["changes"])) == (True, "", MANY + 2)
    assert max(store.assets) <= PIECE
    assert sum(store.assets) == MANY
    assert audits(socket) == [("books.import_begun", done["import"]), ("books.imported", done["import"])]


def test_an_import_that_stops_says_how_far_it_came_and_the_same_again_goes_on(socket: Socket, store: Counted) -> None:
    store.fails_at = 3
    stopped = load(socket)
    assert (stopped["done"], stopped["of"]) == (False, MANY + 2)
    assert len(stopped["changes"]) == 2 + PIECE
    assert "disk is full" in stopped["stopped"]
    with store.read() as tx:
        assert len(tx.assets.all(customer=None)) == PIECE

    rest = load(socket)
    assert (rest["done"], rest["import"]) == (True, stopped["import"])
    assert len(rest["changes"]) == MANY - PIECE
    assert load(socket)["changes"] == []
    begun, again, over = audits(socket)
    assert (begun[0], again[0], over[0]) == ("books.import_begun", "books.import_begun", "books.imported")


def test_with_one_mistake_no_piece_goes_in(socket: Socket, store: Counted) -> None:
    wrong = {**FILES, "assets.csv": FILES["assets.csv"] + "north,Dell,LAST1,nowhere\n"}
    answer = socket.post("/books", files=wrong, dry_run=False).json()
    assert (answer["done"], len(answer["mistakes"]), answer["changes"]) == (False, 1, [])
    assert store.assets == []


def test_what_stops_before_the_first_piece_is_a_failure_like_any_other(socket: Socket, store: Counted) -> None:
    store.fails_at = 1
    assert socket.post("/books", files=FILES, dry_run=False).status_code >= 500
    with store.read() as tx:
        assert tx.assets.all(customer=None) == []


def test_one_line_is_looked_at_without_the_writers_turn(socket: Socket, store: Counted) -> None:
    load(socket)
    store.assets.clear()
    answer = socket.post("/books/asset", values={"asset": "dell|7ABC001", "customer": "north", "rack": "B1"})
    assert (answer.status_code, len(answer.json()["changes"]), store.assets) == (200, 1, [0])


def test_why_an_import_stopped_is_told_in_the_language_that_is_asked_for(store: Counted) -> None:
    store.fails_at, store.fails_with = 3, NotFound("there is no customer {customer}", customer="north")

    stopped = load(Socket(store, language="zh"))  # type: ignore[arg-type]  # the same ports

    assert (stopped["done"], stopped["stopped"]) == (False, "没有客户 north")


def test_an_asset_that_another_customers_agent_saw_meanwhile_is_not_taken_from_him(
    socket: Socket, store: Counted
) -> None:
    def seen(tx: Transaction) -> None:
        facts = AssetFacts(vendor="Dell", serial="7ABC003")
        tx.registry.save_customer(Customer(name="south", title="South AG"))
        tx.assets.add(
            key="dell|7ABC003", basis="serial", facts=facts, customer="south", mode=AssetMode.LIVE, joined_ms=5,
            live_from_ms=5,
        )  # fmt: skip

    store.meanwhile = seen
    answer = socket.post("/books", files=FILES, dry_run=False)
    assert "meanwhile" in answer.text
    with store.read() as tx:
        taken = tx.assets.by_key("dell|7ABC003")
    assert taken is not None
    assert taken.customer == "south"


def test_no_line_is_taken_out_of_the_books_under_an_import(socket: Socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that is removed between two pieces would be named by the assets of the next."""
    assert socket.post("/books", files={**FILES, "assets.csv": ""}, dry_run=False).status_code == 200
    monkeypatch.setattr(book_pieces, "_WAIT_S", 0.0)
    removals: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/sites/north/ber1/remove", {}),
        ("/forget/customer", {"name": "north", "dry_run": False}),
    )
    with book_pieces.book_turn():
        for path, body in removals:
            answer = socket.post(path, **body)
            assert (answer.status_code, "under way" in answer.text) == (409, True)
    for path, body in removals:
        assert socket.post(path, **body).status_code == 200


def a_change(kind: Kind, key: str, turn: Turn = Turn.ADDED) -> Change:
    return Change(turn=turn, kind=kind, key=(key,), fields={}, before=None, after=None)


def test_assets_that_take_agents_along_move_in_one_piece_however_many() -> None:
    assets = [a_change(Kind.ASSET, f"a{number}", Turn.CHANGED) for number in range(9)]
    gone = [a_change(Kind.SITE, "old", Turn.REMOVED)]
    cut = pieces_of([a_change(Kind.SITE, "s"), *assets, *gone], together={"a1", "a4", "a8"}, size=2)
    assert [[change.key[0] for change in piece] for piece in cut] == [
        ["s"],
        ["a1", "a4", "a8"],
        ["a0", "a2"],
        ["a3", "a5"],
        ["a6", "a7"],
        ["old"],
    ]


def test_an_import_has_the_same_number_for_the_same_files_alone() -> None:
    number = import_id(FILES, customer=None, remove=False)
    assert number == import_id(dict(reversed(FILES.items())), customer=None, remove=False)
    assert number != import_id(FILES, customer="north", remove=False)
    assert number != import_id({**FILES, "sites.csv": ""}, customer=None, remove=False)
