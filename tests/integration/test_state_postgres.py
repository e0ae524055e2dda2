"""What only a server can do to the state store: deadlock, vanish, come back."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.storage.state import SqlStateStore

from tests.contracts.state_store import an_agent, an_asset
from tests.peers.postgres import Postgres, postgres

WITHIN_S = 90
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def database(server: Postgres) -> str:
    return server.new_database(f"state{next(_NUMBERS)}")


@pytest.fixture
def store(database: str) -> Iterator[SqlStateStore]:
    opened = SqlStateStore.open(database, migrate=True)
    yield opened
    opened.close()


def test_a_deadlock_is_tried_again(store: SqlStateStore, database: str) -> None:
    """An administrator's session and the store lock two rows in opposite order; the server ends one of them."""
    with store.write() as tx:
        asset, agent = an_asset(tx), an_agent(tx)
    tries = 0

    def work(tx: Transaction) -> int:
        nonlocal tries
        tries += 1
        if tries == 2:
            # Who waits for a row is not served first: this session could lock it again before the other one does.
            waiting.join(timeout=90)
        tx.assets.set_mode(asset.id, asset.mode, live_from_ms=tries)
        if tries == 1:
            # The other session now waits for the asset, and this one is to wait for the agent.
            other.execute("UPDATE agents SET hostname = 'x' WHERE number = %s", (agent.number,))
            waiting.start()
            _until_waiting(database)
        return tx.agents.next_session(agent.number)

    with psycopg.connect(database) as other:
        # The server looks for deadlocks after this time, and ends whoever looks first: the store's session is to look.
        other.execute("SET deadlock_timeout = '60s'")

        def take_the_asset() -> None:
            other.execute("UPDATE assets SET model = 'x' WHERE id = %s", (asset.id,))
            other.commit()

        waiting = threading.Thread(target=take_the_asset, daemon=True)
        assert store.run(work) == 1
    assert not waiting.is_alive()
    assert tries == 2
    with store.read() as seen:
        assert seen.assets.by_number(asset.id).live_from_ms == 2


def test_any_other_refusal_is_not_tried_again(store: SqlStateStore) -> None:
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        an_asset(tx)
        an_asset(tx)

    with pytest.raises(StoreFailed):
        store.run(work)
    assert tries == 1


def test_a_connection_that_was_cut_is_made_again(store: SqlStateStore, database: str) -> None:
    with store.write() as tx:
        an_asset(tx)
    with psycopg.connect(database, autocommit=True) as admin:
        cut_all_others(admin)
    with store.read() as seen:
        assert len(seen.assets.all(customer=None)) == 1
    assert store.healthy() == ""


def test_a_transaction_that_is_cut_half_way_leaves_nothing_and_is_named(store: SqlStateStore, database: str) -> None:
    with pytest.raises(StoreFailed), store.write() as tx:  # noqa: PT012  # all of it is undone
        an_asset(tx)
        with psycopg.connect(database, autocommit=True) as admin:
            cut_all_others(admin)
        an_asset(tx, key="k2")
    with store.read() as seen:
        assert seen.assets.all(customer=None) == []


def test_a_server_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(StoreFailed, match="can be reached"):
        SqlStateStore.open("postgresql://postgres:S3CRET@127.0.0.1:1/none", migrate=True)


def test_two_processes_write_one_at_a_time(store: SqlStateStore, database: str) -> None:
    """Two stores on one database, as after a failover that was not one."""
    with store.write() as tx:
        agent = an_agent(tx)
    second = SqlStateStore.open(database, migrate=False)
    try:
        for one in (store, second, store, second):
            with one.write() as tx:
                tx.agents.next_session(agent.number)
        with second.read() as seen:
            assert seen.agents.session(agent.number) == 4
    finally:
        second.close()


def test_a_commit_waits_for_the_disk_whatever_the_server_is_set_to(store: SqlStateStore) -> None:
    with store._writer.begin() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def cut_all_others(admin: psycopg.Connection) -> None:
    """Ends every other session of the database, and waits for their ends: a session that was told may answer once
    more before it goes."""
    ended = admin.execute(
        f"SELECT pg_terminate_backend(pid, {WITHIN_S * 1000}) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ).fetchall()
    assert all(one for (one,) in ended)


def _until_waiting(database: str) -> None:
    waits = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'"
        " AND datname = current_database()"
    )
    deadline = time.monotonic() + WITHIN_S
    with psycopg.connect(database, autocommit=True) as admin:
        while time.monotonic() < deadline:
            found = admin.execute(waits).fetchone()
            if found and found[0]:
                return
            admin.execute("SELECT pg_sleep(0.005)")
    raise AssertionError("the other session never waited")
