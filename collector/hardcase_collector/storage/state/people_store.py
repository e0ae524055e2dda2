"""PeopleStore over SQL: users, web sessions, API tokens, kept answers. Part of `access_store.py`.

Passwords, tokens and session cookies arrive here hashed; this file never sees one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, or_, select, update

from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.people import ApiToken, KeptAnswer, WebSession, scopes_of
from hardcase_collector.domain.ports import User
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.models import ApiTokenRow, KeptAnswerRow, UserRow, WebSessionRow
from hardcase_collector.storage.state.upserts import insert_into, table_of, upsert

_ANSWERS = table_of(KeptAnswerRow)
_SESSIONS = table_of(WebSessionRow)
_TOKENS = table_of(ApiTokenRow)
_USERS = table_of(UserRow)


class SqlPeopleStore:
    _connection: Connection

    # ------------------------------------------------------------------ users

    def add_user(self, user: User) -> None:
        """Raises NotAllowed where the name is taken, also by an automation, whatever is written large in it."""
        taken = select(_TOKENS.c.id).where(func.lower(_TOKENS.c.automation) == user.name.lower()).limit(1)
        if self._connection.execute(taken).first() is not None:
            raise NotAllowed("an automation is called {user}: nobody could tell who acted", user=user.name)
        added = insert_into(self._connection.dialect.name, _USERS).values(name=user.name, **_user_values(user))
        done = self._connection.execute(added.on_conflict_do_nothing().returning(_USERS.c.name))
        if done.scalar_one_or_none() is None:
            raise NotAllowed("there is a user {user} already", user=user.name)

    def user(self, name: str) -> User | None:
        row = self._connection.execute(select(_USERS).where(_USERS.c.name == name)).mappings().first()
        return None if row is None else _user(row)

    def users(self, *, customer: str | None) -> Sequence[User]:
        query = select(_USERS).order_by(_USERS.c.name)
        if customer is not None:
            query = query.where(_USERS.c.customer == customer)
        return [_user(row) for row in self._connection.execute(query).mappings()]

    def change_user(self, user: User, *, but: str = "") -> None:
        """Everything but the name. His sessions end, all but that of the hash `but`. Raises NotFound."""
        changed = update(_USERS).where(_USERS.c.name == user.name).values(_user_values(user)).returning(_USERS.c.name)
        if self._connection.execute(changed).scalar_one_or_none() is None:
            raise NotFound("there is no user {user}", user=user.name)
        self.end_sessions_of(user.name, but=but)

    def keep_password(self, name: str, password_hash: str) -> None:
        self._connection.execute(update(_USERS).where(_USERS.c.name == name).values(password_hash=password_hash))

    def remove_user(self, name: str) -> None:
        """With his sessions and API tokens. Raises NotFound."""
        self.end_sessions_of(name)
        his = select(_TOKENS.c.id).where(_TOKENS.c.user_name == name)
        self._connection.execute(delete(_ANSWERS).where(_ANSWERS.c.token.in_(his)))
        self._connection.execute(delete(_TOKENS).where(_TOKENS.c.user_name == name))
        gone = delete(_USERS).where(_USERS.c.name == name).returning(_USERS.c.name)
        if self._connection.execute(gone).scalar_one_or_none() is None:
            raise NotFound("there is no user {name}", name=name)

    # ------------------------------------------------------------------ sessions

    def add_session(self, *, hash: str, user: str, expires_ms: int, at_ms: int = 0, address: str = "") -> None:
        values = {
            "hash": hash,
            "user_name": user,
            "expires_ms": expires_ms,
            "address": address,
            "made_ms": at_ms,
            "seen_ms": at_ms,
        }
        self._connection.execute(upsert(self._connection, _SESSIONS), values)

    def session_user(self, hash: str, *, now_ms: int, idle_ms: int | None = None) -> User | None:
        query = select(_USERS).join(_SESSIONS, _SESSIONS.c.user_name == _USERS.c.name)
        query = query.where(_SESSIONS.c.hash == hash, _SESSIONS.c.expires_ms > now_ms, _USERS.c.locked.is_(False))
        if idle_ms is not None:
            query = query.where(_SESSIONS.c.seen_ms > now_ms - idle_ms)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _user(row)

    def session(self, hash: str) -> WebSession | None:
        row = self._connection.execute(select(_SESSIONS).where(_SESSIONS.c.hash == hash)).mappings().first()
        return None if row is None else _session(row)

    def sessions(self, *, user: str | None, customer: str | None, now_ms: int) -> Sequence[WebSession]:
        query = select(_SESSIONS).where(_SESSIONS.c.expires_ms > now_ms)
        if user is not None:
            query = query.where(_SESSIONS.c.user_name == user)
        if customer is not None:
            his = select(_USERS.c.name).where(_USERS.c.customer == customer)
            query = query.where(_SESSIONS.c.user_name.in_(his))
        query = query.order_by(_SESSIONS.c.made_ms.desc(), _SESSIONS.c.hash)
        return [_session(row) for row in self._connection.execute(query).mappings()]

    def touch_session(self, hash: str, *, now_ms: int) -> None:
        self._connection.execute(update(_SESSIONS).where(_SESSIONS.c.hash == hash).values(seen_ms=now_ms))

    def end_session(self, hash: str) -> None:
        self._connection.execute(delete(_SESSIONS).where(_SESSIONS.c.hash == hash))

    def end_sessions_of(self, user: str, *, but: str = "") -> int:
        ended = delete(_SESSIONS).where(_SESSIONS.c.user_name == user, _SESSIONS.c.hash != but)
        return self._connection.execute(ended).rowcount

    def end_sessions_before(self, now_ms: int) -> None:
        self._connection.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_ms <= now_ms))

    # ------------------------------------------------------------------ tokens of the API

    def add_api_token(self, token: ApiToken) -> ApiToken:
        named = select(_USERS.c.name).where(func.lower(_USERS.c.name) == token.automation.lower()).limit(1)
        if token.automation and self._connection.execute(named).first() is not None:
            raise NotAllowed("{automation} is a user: an automation has a name of its own", automation=token.automation)
        values = {
            "hash": token.hash,
            "user_name": token.user,
            "automation": token.automation,
            "customer": token.customer,
            "scopes": texts.dump_words(token.scopes),
            "networks": texts.dump_words(token.networks),
            "made_by": token.made_by,
            "made_ms": token.made_ms,
            "expires_ms": token.expires_ms,
            "used_ms": token.used_ms,
            "revoked_ms": token.revoked_ms,
        }
        row = self._connection.execute(insert(_TOKENS).values(values).returning(_TOKENS)).mappings().one()
        return _token(row)

    def api_token(self, hash: str) -> ApiToken | None:
        row = self._connection.execute(select(_TOKENS).where(_TOKENS.c.hash == hash)).mappings().first()
        return None if row is None else _token(row)

    def api_tokens(self, *, customer: str | None, user: str | None = None) -> Sequence[ApiToken]:
        query = select(_TOKENS).order_by(_TOKENS.c.id)
        if customer is not None:
            query = query.where(_tokens_of(customer))
        if user is not None:
            query = query.where(_TOKENS.c.user_name == user)
        return [_token(row) for row in self._connection.execute(query).mappings()]

    def api_token_used(self, id: int, *, day_ms: int) -> None:
        self._connection.execute(update(_TOKENS).where(_TOKENS.c.id == id).values(used_ms=day_ms))

    def revoke_api_token(self, id: int, *, now_ms: int) -> None:
        known = update(_TOKENS).where(_TOKENS.c.id == id, _TOKENS.c.revoked_ms == 0).values(revoked_ms=now_ms)
        if self._connection.execute(known.returning(_TOKENS.c.id)).scalar_one_or_none() is None:
            raise NotFound("there is no API token {id} in force", id=id)

    # ------------------------------------------------------------------ kept answers

    def keep_answer(self, answer: KeptAnswer) -> None:
        values = {
            "token": answer.token,
            "key": answer.key,
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "at_ms": answer.at_ms,
        }
        self._connection.execute(upsert(self._connection, _ANSWERS), values)

    def kept_answer(self, token: int, key: str) -> KeptAnswer | None:
        query = select(_ANSWERS).where(_ANSWERS.c.token == token, _ANSWERS.c.key == key)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else KeptAnswer(**row)

    def drop_answers_before(self, at_ms: int) -> None:
        self._connection.execute(delete(_ANSWERS).where(_ANSWERS.c.at_ms < at_ms))


def _tokens_of(customer: str) -> ColumnElement[bool]:
    his = select(_USERS.c.name).where(_USERS.c.customer == customer)
    return or_(_TOKENS.c.customer == customer, and_(_TOKENS.c.customer.is_(None), _TOKENS.c.user_name.in_(his)))


def _user_values(user: User) -> dict[str, Any]:
    return {
        "role": user.role,
        "customer": user.customer,
        "password_hash": user.password_hash,
        "language": user.language,
        "time_zone": user.time_zone,
        "locked": user.locked,
        "must_change": user.must_change,
    }


def _user(row: RowMapping) -> User:
    return User(
        name=row["name"],
        role=row["role"],
        customer=row["customer"],
        password_hash=row["password_hash"],
        language=row["language"],
        time_zone=row["time_zone"],
        locked=row["locked"],
        must_change=row["must_change"],
    )


def _session(row: RowMapping) -> WebSession:
    return WebSession(
        hash=row["hash"],
        user=row["user_name"],
        address=row["address"],
        made_ms=row["made_ms"],
        seen_ms=row["seen_ms"],
        expires_ms=row["expires_ms"],
    )


def _token(row: RowMapping) -> ApiToken:
    return ApiToken(
        id=row["id"],
        hash=row["hash"],
        user=row["user_name"],
        automation=row["automation"],
        customer=row["customer"],
        scopes=scopes_of(texts.load_words(row["scopes"])),
        networks=texts.load_words(row["networks"]),
        made_by=row["made_by"],
        made_ms=row["made_ms"],
        expires_ms=row["expires_ms"],
        used_ms=row["used_ms"],
        revoked_ms=row["revoked_ms"],
    )
