"""RepairStore over SQL: proposals, quotes, links; with `visit_store.py` and `aftercare_store.py`.

Made by the transaction of `store.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from hardcase_collector.domain.link import Link, LinkPurpose
from hardcase_collector.domain.repair import Proposal, Quote
from hardcase_collector.domain.said import Said
from hardcase_collector.storage.state.aftercare_store import SqlAftercareStore
from hardcase_collector.storage.state.models import LinkRow, ProposalRow, QuoteRow
from hardcase_collector.storage.state.shelf import Shelf
from hardcase_collector.storage.state.upserts import table_of
from hardcase_collector.storage.state.visit_store import SqlVisitStore

_PROPOSALS = Shelf(Proposal, table_of(ProposalRow), what=Said("proposal"))
_QUOTES = Shelf(Quote, table_of(QuoteRow), what=Said("quote"))
_LINKS = Shelf(Link, table_of(LinkRow), what=Said("link"))


class SqlRepairStore(SqlVisitStore, SqlAftercareStore):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_proposal(self, proposal: Proposal) -> Proposal:
        return _PROPOSALS.add(self._connection, proposal)

    def save_proposal(self, proposal: Proposal) -> None:
        _PROPOSALS.save(self._connection, proposal)

    def proposal(self, row: int) -> Proposal:
        return _PROPOSALS.get(self._connection, row)

    def proposals(self, case: int) -> Sequence[Proposal]:
        return _PROPOSALS.of_case(self._connection, case)

    def add_quote(self, quote: Quote) -> Quote:
        return _QUOTES.add(self._connection, quote)

    def save_quote(self, quote: Quote) -> None:
        _QUOTES.save(self._connection, quote)

    def quote(self, row: int) -> Quote:
        return _QUOTES.get(self._connection, row)

    def quotes(self, case: int) -> Sequence[Quote]:
        return _QUOTES.of_case(self._connection, case)

    def add_link(self, link: Link) -> Link:
        return _LINKS.add(self._connection, link)

    def save_link(self, link: Link) -> None:
        _LINKS.save(self._connection, link)

    def link_by_hash(self, hash: str) -> Link | None:
        table = _LINKS.table
        return _LINKS.first(self._connection, select(table).where(table.c.hash == hash))

    def links(self, case: int) -> Sequence[Link]:
        return _LINKS.of_case(self._connection, case)

    def revoke_link(self, row: int, *, now_ms: int) -> None:
        links = _LINKS.table.c
        taken = update(_LINKS.table).where(links.id == row, links.revoked_ms == 0)
        self._connection.execute(taken.values(revoked_ms=now_ms))

    def revoke_links_of(self, case: int, purpose: LinkPurpose, subject: int, *, now_ms: int) -> None:
        links = _LINKS.table.c
        taken = update(_LINKS.table).where(
            links.case_id == case, links.purpose == str(purpose), links.subject == subject, links.revoked_ms == 0
        )
        self._connection.execute(taken.values(revoked_ms=now_ms))

    def revoke_links(self, case: int, purposes: Sequence[LinkPurpose], *, now_ms: int) -> int:
        links = _LINKS.table.c
        taken = update(_LINKS.table).where(
            links.case_id == case, links.purpose.in_([str(one) for one in purposes]), links.revoked_ms == 0
        )
        return self._connection.execute(taken.values(revoked_ms=now_ms)).rowcount
