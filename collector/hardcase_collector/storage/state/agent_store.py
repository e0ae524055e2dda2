"""AgentStore over SQL: enrolled agents and their session numbers. Made by the transaction of `store.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.storage.state.models import AgentRow
from hardcase_collector.storage.state.upserts import table_of

_AGENTS = table_of(AgentRow)


class SqlAgentStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, agent: Agent) -> Agent:
        """Gives the number; `agent.number` is passed over."""
        values = _columns(agent)
        number = self._connection.execute(insert(_AGENTS).values(values).returning(_AGENTS.c.number)).scalar_one()
        return _agent({**values, "number": number})

    def by_id(self, agent_id: str) -> Agent | None:
        return self._first(select(_AGENTS).where(_AGENTS.c.id == agent_id))

    def by_number(self, agent: int) -> Agent:
        found = self._first(select(_AGENTS).where(_AGENTS.c.number == agent))
        if found is None:
            raise NotFound("there is no agent {agent}", agent=agent)
        return found

    def by_host(self, *, machine_id: str, dmi_uuid: str) -> Agent | None:
        """The agent enrolled on this host: either id is enough; an empty id matches nothing."""
        same = [
            column == value
            for column, value in ((_AGENTS.c.machine_id, machine_id), (_AGENTS.c.dmi_uuid, dmi_uuid))
            if value
        ]
        if not same:
            return None
        return self._first(select(_AGENTS).where(or_(*same)).order_by(_AGENTS.c.revoked, _AGENTS.c.number.desc()))

    def all(self, *, customer: str | None) -> Sequence[Agent]:
        # Without the empty shells of forgotten ones, which are nobody's.
        query = select(_AGENTS).where(_AGENTS.c.customer != "").order_by(_AGENTS.c.number)
        if customer is not None:
            query = query.where(_AGENTS.c.customer == customer)
        return [_agent(row) for row in self._connection.execute(query).mappings()]

    def replace(self, agent: Agent) -> None:
        """Writes all of it but the session, which only `next_session` moves."""
        values = _columns(agent)
        del values["session"]
        done = self._connection.execute(update(_AGENTS).where(_AGENTS.c.number == agent.number).values(values))
        if done.rowcount == 0:
            raise NotFound("there is no agent {agent}", agent=agent.number)

    def next_session(self, agent: int) -> int:
        counted = (
            update(_AGENTS)
            .where(_AGENTS.c.number == agent)
            .values(session=_AGENTS.c.session + 1)
            .returning(_AGENTS.c.session)
        )
        session = self._connection.execute(counted).scalar_one_or_none()
        if session is None:
            raise NotFound("there is no agent {agent}", agent=agent)
        return int(session)

    def session(self, agent: int) -> int:
        session = self._connection.execute(
            select(_AGENTS.c.session).where(_AGENTS.c.number == agent)
        ).scalar_one_or_none()
        if session is None:
            raise NotFound("there is no agent {agent}", agent=agent)
        return int(session)

    def seen(self, agent: int, at_ms: int, *, stopped_cleanly: bool, by_file: bool = False) -> None:
        self._connection.execute(
            update(_AGENTS)
            .where(_AGENTS.c.number == agent)
            .values(last_seen_ms=at_ms, stopped_cleanly=stopped_cleanly, by_file=by_file)
        )

    def told_trust(self, agent: int, *, roots: str, issuer: str) -> None:
        told = update(_AGENTS).where(_AGENTS.c.number == agent).values(roots=roots, issuer=issuer)
        self._connection.execute(told)

    def found_copies(self, agent: int, copies: str) -> None:
        self._connection.execute(update(_AGENTS).where(_AGENTS.c.number == agent).values(copies=copies))

    def standing(self) -> Mapping[int, tuple[int, bool]]:
        query = select(_AGENTS.c.number, _AGENTS.c.enrolled_ms, _AGENTS.c.revoked)
        return {number: (enrolled_ms, revoked) for number, enrolled_ms, revoked in self._connection.execute(query)}

    def _first(self, query: object) -> Agent | None:
        row = self._connection.execute(query).mappings().first()  # type: ignore[call-overload]  # any Select of agents
        return None if row is None else _agent(row)


def _columns(agent: Agent) -> dict[str, object]:
    return {
        "id": agent.id,
        "customer": agent.customer,
        "hostname": agent.hostname,
        "machine_id": agent.machine_id,
        "dmi_uuid": agent.dmi_uuid,
        "fingerprint": agent.fingerprint,
        "enrolled_ms": agent.enrolled_ms,
        "session": agent.session,
        "last_seen_ms": agent.last_seen_ms,
        "stopped_cleanly": agent.stopped_cleanly,
        "revoked": agent.revoked,
        "by_file": agent.by_file,
        "roots": agent.roots,
        "issuer": agent.issuer,
        "copies": agent.copies,
    }


def _agent(row: RowMapping | dict[str, object]) -> Agent:
    return Agent(**{str(name): value for name, value in row.items()})  # type: ignore[arg-type]  # columns are its fields
