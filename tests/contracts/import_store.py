"""What every ImportStore does: a file is remembered whole, once, and found by who may see it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.imports import REJECTED_TOLD, ImportedFile, RejectedRecord
from hardcase_collector.domain.ports import StateStore

NOW = 1_800_000_000_000
EPOCH, LATER = b"e" * 16, b"l" * 16


def agent(store: StateStore, name: str, customer: str = "north") -> int:
    with store.write() as tx:
        made = tx.agents.add(
            Agent(
                id=name,
                number=0,
                customer=customer,
                hostname=name,
                machine_id="",
                dmi_uuid="",
                fingerprint="",
                enrolled_ms=NOW,
            )
        )
    return made.number


def file(of: int, number: int = 1, epoch: bytes = EPOCH) -> ImportedFile:
    return ImportedFile(
        agent=of,
        epoch=epoch,
        file=number,
        sha256=bytes([number]) * 32,
        first=10 * number,
        through=10 * number + 9,
        records=10,
        duplicates=3,
        lost=2,
        rejected=1,
        rejections=(RejectedRecord(sequence=7, status="malformed", detail="坏"),),
        made_ms=NOW - 1,
        at_ms=NOW,
        by="root",
    )


class ImportContract:
    def test_a_file_is_given_back_as_it_was_with_a_number_that_grows(self, store: StateStore) -> None:
        one = agent(store, "a1")
        with store.write() as tx:
            first = tx.imports.add(file(one))
            second = tx.imports.add(file(one, 2))
        assert first == replace(file(one), number=first.number)
        assert second.number > first.number
        with store.read() as tx:
            assert tx.imports.find(one, EPOCH, 1) == first
            assert tx.imports.find(one, EPOCH, 3) is None
            assert tx.imports.last(one, EPOCH) == second
            assert tx.imports.last(one, LATER) is None
            assert list(tx.imports.of_agent(one, limit=10)) == [second, first]
            assert list(tx.imports.of_agent(one, limit=1)) == [second]

    def test_the_same_number_of_an_epoch_is_never_taken_twice(self, store: StateStore) -> None:
        one, other = agent(store, "a1"), agent(store, "a2")
        with store.write() as tx:
            tx.imports.add(file(one))
            tx.imports.add(file(one, epoch=LATER))
            tx.imports.add(file(other))
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.imports.add(replace(file(one), sha256=b"x" * 32))

    def test_a_customer_sees_his_own(self, store: StateStore) -> None:
        north, south = agent(store, "a1"), agent(store, "a2", "south")
        with store.write() as tx:
            mine = tx.imports.add(file(north))
            theirs = tx.imports.add(file(south))
        with store.read() as tx:
            assert list(tx.imports.all(customer="north", limit=10)) == [mine]
            assert list(tx.imports.all(customer="south", limit=10)) == [theirs]
            assert list(tx.imports.all(customer=None, limit=10)) == [theirs, mine]
            assert list(tx.imports.all(customer="west", limit=10)) == []

    def test_rejections_are_counted_all_and_told_some(self, store: StateStore) -> None:
        one = agent(store, "a1")
        many = tuple(RejectedRecord(sequence=at, status="malformed", detail="x") for at in range(1, REJECTED_TOLD + 50))
        with store.write() as tx:
            kept = tx.imports.add(replace(file(one), rejected=len(many), rejections=many))
            tx.imports.add(file(one, 2))
        assert kept.rejections == many[:REJECTED_TOLD]
        with store.read() as tx:
            assert tx.imports.rejected(one, EPOCH) == len(many) + 1
            assert tx.imports.rejected(one, LATER) == 0

    def test_numbers_of_any_size_are_kept(self, store: StateStore) -> None:
        one = agent(store, "a1")
        largest = (1 << 63) - 1
        with store.write() as tx:
            kept = tx.imports.add(
                replace(file(one), file=largest, first=largest, through=largest, lost=largest, made_ms=(1 << 64) - 1)
            )
        assert (kept.file, kept.first, kept.through, kept.lost) == (largest,) * 4
        assert kept.made_ms == (1 << 64) - 1

    def test_an_agent_heard_of_by_file_is_marked_until_it_streams(self, store: StateStore) -> None:
        one = agent(store, "a1")
        with store.write() as tx:
            tx.agents.seen(one, NOW, stopped_cleanly=False, by_file=True)
        with store.read() as tx:
            assert tx.agents.by_number(one).by_file
        with store.write() as tx:
            tx.agents.seen(one, NOW + 1, stopped_cleanly=False)
        with store.read() as tx:
            assert not tx.agents.by_number(one).by_file
