"""AccessStore over SQL: people, enrolment tokens, web sessions, audit. Made by the transaction of `store.py`.

Passwords, tokens and session cookies arrive here hashed; this file never sees one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from hardcase_collector.domain.errors import NotAllowed, NotFound, TokenRefused
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import AuditEntry, EnrolmentToken, User
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.audits import audits_of
from hardcase_collector.storage.state.models import AuditRow, TokenRow, UserRow, WebSessionRow
from hardcase_collector.storage.state.upserts import insert_into, table_of, upsert

_AUDIT = table_of(AuditRow)
_SESSIONS = table_of(WebSessionRow)
_TOKENS = table_of(TokenRow)
_USERS = table_of(UserRow)


class SqlAccessStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_user(self, user: User) -> None:
        """Raises NotAllowed where the name is taken."""
        added = insert_into(self._connection.dialect.name, _USERS).values(
            name=user.name,
            role=user.role,
            customer=user.customer,
            password_hash=user.password_hash,
            language=user.language,
            time_zone=user.time_zone,
        )
        done = self._connection.execute(added.on_conflict_do_nothing().returning(_USERS.c.name))
        if done.scalar_one_or_none() is None:
            raise NotAllowed(f"there is a user {user.name} already")

    def user(self, name: str) -> User | None:
        row = self._connection.execute(select(_USERS).where(_USERS.c.name == name)).mappings().first()
        return None if row is None else _user(row)

    def users(self, *, customer: str | None) -> Sequence[User]:
        query = select(_USERS).order_by(_USERS.c.name)
        if customer is not None:
            query = query.where(_USERS.c.customer == customer)
        return [_user(row) for row in self._connection.execute(query).mappings()]

    def change_user(self, user: User) -> None:
        """Role, password and the like. His sessions end. Raises NotFound."""
        values = {
            "role": user.role,
            "customer": user.customer,
            "password_hash": user.password_hash,
            "language": user.language,
            "time_zone": user.time_zone,
        }
        changed = update(_USERS).where(_USERS.c.name == user.name).values(values).returning(_USERS.c.name)
        if self._connection.execute(changed).scalar_one_or_none() is None:
            raise NotFound(f"there is no user {user.name}")
        self._end_sessions_of(user.name)

    def remove_user(self, name: str) -> None:
        """With his sessions. Raises NotFound."""
        self._end_sessions_of(name)
        gone = delete(_USERS).where(_USERS.c.name == name).returning(_USERS.c.name)
        if self._connection.execute(gone).scalar_one_or_none() is None:
            raise NotFound(f"there is no user {name}")

    def _end_sessions_of(self, name: str) -> None:
        self._connection.execute(delete(_SESSIONS).where(_SESSIONS.c.user_name == name))

    def add_token(self, token: EnrolmentToken) -> None:
        self._connection.execute(
            insert(_TOKENS).values(
                hash=token.hash,
                customer=token.customer,
                uses_left=token.uses_left,
                expires_ms=token.expires_ms,
                replaces=token.replace,
                made_by=token.made_by,
                made_ms=token.made_ms,
            )
        )

    def use_token(self, hash: str, *, now_ms: int) -> EnrolmentToken:
        row = self._connection.execute(select(_TOKENS).where(_TOKENS.c.hash == hash)).mappings().first()
        if row is None:
            raise TokenRefused("this enrolment token is unknown here")
        if row["expires_ms"] <= now_ms:
            raise TokenRefused("this enrolment token has expired")
        taken = update(_TOKENS).where(_TOKENS.c.hash == hash, _TOKENS.c.uses_left > 0)
        taken_row = taken.values(uses_left=_TOKENS.c.uses_left - 1).returning(_TOKENS)
        used = self._connection.execute(taken_row).mappings().first()
        if used is None:
            raise TokenRefused("this enrolment token is used up")
        return _token(used)

    def tokens(self, *, customer: str | None) -> Sequence[EnrolmentToken]:
        query = select(_TOKENS).order_by(_TOKENS.c.made_ms, _TOKENS.c.hash)
        if customer is not None:
            query = query.where(_TOKENS.c.customer == customer)
        return [_token(row) for row in self._connection.execute(query).mappings()]

    def add_session(self, *, hash: str, user: str, expires_ms: int) -> None:
        self._connection.execute(
            upsert(self._connection, _SESSIONS), {"hash": hash, "user_name": user, "expires_ms": expires_ms}
        )

    def session_user(self, hash: str, *, now_ms: int) -> User | None:
        query = select(_USERS).join(_SESSIONS, _SESSIONS.c.user_name == _USERS.c.name)
        query = query.where(_SESSIONS.c.hash == hash, _SESSIONS.c.expires_ms > now_ms)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _user(row)

    def end_session(self, hash: str) -> None:
        self._connection.execute(delete(_SESSIONS).where(_SESSIONS.c.hash == hash))

    def end_sessions_before(self, now_ms: int) -> None:
        self._connection.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_ms <= now_ms))

    def audit(self, *, at_ms: int, actor: str, action: str, subject: str, facts: Mapping[str, Fact]) -> None:
        self._connection.execute(
            insert(_AUDIT).values(
                at_ms=at_ms, actor=actor, action=action, subject=subject, facts=texts.dump_facts(facts)
            )
        )

    def audits(self, *, customer: str | None, limit: int) -> Sequence[AuditEntry]:
        query = select(_AUDIT).order_by(_AUDIT.c.id.desc()).limit(limit)
        if customer is not None:
            query = query.where(audits_of(customer))
        return [
            AuditEntry(
                at_ms=row.at_ms,
                actor=row.actor,
                action=row.action,
                subject=row.subject,
                facts=texts.load_facts(row.facts),
            )
            for row in self._connection.execute(query)
        ]

    def probe(self) -> None:
        """Writes a row and takes it back: proves that the store can write."""
        self.add_session(hash="probe", user="", expires_ms=0)
        self.end_session("probe")


def _user(row: RowMapping) -> User:
    return User(
        name=row["name"],
        role=row["role"],
        customer=row["customer"],
        password_hash=row["password_hash"],
        language=row["language"],
        time_zone=row["time_zone"],
    )


def _token(row: RowMapping) -> EnrolmentToken:
    return EnrolmentToken(
        hash=row["hash"],
        customer=row["customer"],
        uses_left=row["uses_left"],
        expires_ms=row["expires_ms"],
        replace=row["replaces"],
        made_by=row["made_by"],
        made_ms=row["made_ms"],
    )
