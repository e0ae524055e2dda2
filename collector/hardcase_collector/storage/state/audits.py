"""Which entries of the audit log are a customer's. Used by `access_store.py` and, when he goes, by `erasing.py`."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select

from hardcase_collector.storage.state.models import AgentRow, AssetRow, AuditRow, CaseRow, UserRow
from hardcase_collector.storage.state.upserts import table_of

_AGENTS = table_of(AgentRow)
_ASSETS = table_of(AssetRow)
_AUDIT = table_of(AuditRow)
_CASES = table_of(CaseRow)
_USERS = table_of(UserRow)


def audits_of(customer: str) -> ColumnElement[bool]:
    """Entries about him, his things or his people, or by his people."""
    people = select(_USERS.c.name).where(_USERS.c.customer == customer)
    things = (
        select(_ASSETS.c.key).where(_ASSETS.c.customer == customer),
        select(_AGENTS.c.id).where(_AGENTS.c.customer == customer),
        select(_CASES.c.number).where(_CASES.c.asset == _ASSETS.c.id, _ASSETS.c.customer == customer),
        people,
    )
    return or_(
        _AUDIT.c.subject == customer,
        _AUDIT.c.subject.startswith(f"{customer} ", autoescape=True),
        *(_AUDIT.c.subject.in_(names) for names in things),
        _AUDIT.c.actor.in_(people),
    )
