"""A large import over the API: a key that was answered before the last piece goes on, and the token is told of all."""

from __future__ import annotations

from pathlib import Path

from hardcase_collector.registry.pieces import PIECE

from tests.fakes.empty_store import empty_store
from tests.unit.collector.web.api_client import Api
from tests.unit.collector.web.control_client import Socket
from tests.unit.collector.web.test_control_book_pieces import FILES, MANY, Counted


def test_the_same_key_goes_on_and_the_token_is_named_from_the_first_piece(tmp_path: Path) -> None:
    store = Counted(empty_store(tmp_path / "state.db"))
    api = Api(Socket(store))  # type: ignore[arg-type]  # the same ports
    api.make(user=api.user("root", "administrator"))
    assert api.get("/books").status_code == 200
    store.assets.clear()
    store.fails_at = 3
    stopped = api.post("/books", key="import-1", files=FILES, dry_run=False).json()
    assert (stopped["done"], len(stopped["changes"])) == (False, 2 + PIECE)
    assert [one.subject for one in api.audits("api.called")] == ["/v1/books"]

    rest = api.post("/books", key="import-1", files=FILES, dry_run=False)
    assert "idempotent-replayed" not in rest.headers
    assert (rest.json()["done"], len(rest.json()["changes"])) == (True, MANY - PIECE)
    assert api.post("/books", key="import-1", files=FILES, dry_run=False).headers["idempotent-replayed"] == "true"
    store.close()
