"""ForgettingStore over SQL: what a person or a customer left behind, and its end. Made by `store.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from hardcase_collector.domain.registry_store import Paper
from hardcase_collector.storage.state.erasing import SqlErasing
from hardcase_collector.storage.state.pseudonyms import SqlPseudonyms


class SqlForgettingStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def customers_of(self, person: str) -> Sequence[str]:
        return SqlPseudonyms(self._connection, person, customer=None).customers()

    def traces_of_person(self, person: str, *, customer: str | None) -> Mapping[str, int]:
        return SqlPseudonyms(self._connection, person, customer=customer).traces()

    def papers_of_person(self, person: str, *, customer: str | None, limit: int, pseudonym: str) -> Sequence[Paper]:
        return SqlPseudonyms(self._connection, person, customer=customer).papers(limit, pseudonym)

    def replace_person(self, person: str, pseudonym: str, *, customer: str | None) -> Mapping[str, int]:
        return SqlPseudonyms(self._connection, person, customer=customer).replace(pseudonym)

    def traces_of_customer(self, customer: str) -> Mapping[str, int]:
        return SqlErasing(self._connection, customer).traces()

    def open_part_orders(self, customer: str) -> int:
        return SqlErasing(self._connection, customer).open_orders()

    def files_of_customer(self, customer: str) -> Sequence[str]:
        return SqlErasing(self._connection, customer).files()

    def erase_customer(self, customer: str) -> Mapping[str, int]:
        return SqlErasing(self._connection, customer).erase()
