"""JoiningStore over SQL: tokens, waiting hosts, certificates by key. Part of `access_store.py`.

Secrets arrive here hashed; this file never sees one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, RowMapping, and_, delete, insert, or_, select, update

from hardcase_collector.domain.errors import NotFound, TokenRefused
from hardcase_collector.domain.joining import WAIT_MS, IssuedByToken, RefusalName, WaitingHost
from hardcase_collector.domain.stored import EnrolmentToken
from hardcase_collector.storage.state.models import IssuedRow, TokenRow, WaitingHostRow
from hardcase_collector.storage.state.upserts import table_of, upsert

_ISSUED = table_of(IssuedRow)
_TOKENS = table_of(TokenRow)
_WAITING = table_of(WaitingHostRow)
TOKENS_KEPT_MS = 365 * 86_400_000
"""After its end: `token list --all` says by what a host joined last year."""


class SqlJoining:
    _connection: Connection

    def add_token(self, token: EnrolmentToken) -> None:
        values = {**asdict(token), "networks": json.dumps(token.networks), "serials": json.dumps(token.serials)}
        values["replaces"] = values.pop("replace")
        self._connection.execute(insert(_TOKENS).values(values))

    def token(self, hash: str) -> EnrolmentToken | None:
        row = self._connection.execute(select(_TOKENS).where(_TOKENS.c.hash == hash)).mappings().first()
        return None if row is None else _token(row)

    def use_token(self, hash: str, *, now_ms: int) -> EnrolmentToken:
        known = self.token(hash)
        if known is None:
            raise TokenRefused(RefusalName.TOKEN_UNKNOWN, "this enrolment token is unknown here")
        if known.revoked_ms:
            raise TokenRefused(RefusalName.TOKEN_REVOKED, "this enrolment token was revoked")
        if known.expires_ms <= now_ms:
            raise TokenRefused(RefusalName.TOKEN_EXPIRED, "this enrolment token has expired")
        taken = update(_TOKENS).where(_TOKENS.c.hash == hash, _TOKENS.c.uses_left > 0, _TOKENS.c.revoked_ms == 0)
        taken_row = taken.values(uses_left=_TOKENS.c.uses_left - 1).returning(_TOKENS)
        used = self._connection.execute(taken_row).mappings().first()
        if used is None:
            raise TokenRefused(RefusalName.TOKEN_USED_UP, "this enrolment token is used up")
        return _token(used)

    def tokens(self, *, customer: str | None) -> Sequence[EnrolmentToken]:
        query = select(_TOKENS).order_by(_TOKENS.c.made_ms, _TOKENS.c.hash)
        if customer is not None:
            query = query.where(_TOKENS.c.customer == customer)
        return [_token(row) for row in self._connection.execute(query).mappings()]

    def revoke_token(self, hash: str, *, now_ms: int) -> EnrolmentToken:
        revoked = update(_TOKENS).where(_TOKENS.c.hash == hash).values(revoked_ms=now_ms).returning(_TOKENS)
        row = self._connection.execute(revoked).mappings().first()
        if row is None:
            raise NotFound("there is no such token")
        return _token(row)

    def save_waiting(self, host: WaitingHost) -> None:
        self._connection.execute(upsert(self._connection, _WAITING), asdict(host))

    def waiting_host(self, *, token: str, key: str) -> WaitingHost | None:
        query = select(_WAITING).where(_WAITING.c.token == token, _WAITING.c.key == key)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else WaitingHost(**row)

    def waiting(self, *, customer: str | None) -> Sequence[WaitingHost]:
        query = select(_WAITING).order_by(_WAITING.c.asked_ms, _WAITING.c.key, _WAITING.c.token)
        if customer is not None:
            query = query.where(_WAITING.c.customer == customer)
        return [WaitingHost(**row) for row in self._connection.execute(query).mappings()]

    def end_waiting(self, *, token: str, key: str) -> None:
        self._connection.execute(delete(_WAITING).where(_WAITING.c.token == token, _WAITING.c.key == key))

    def save_issued(self, issued: IssuedByToken) -> None:
        self._connection.execute(upsert(self._connection, _ISSUED), asdict(issued))

    def issued(self, *, token: str, key: str) -> IssuedByToken | None:
        query = select(_ISSUED).where(_ISSUED.c.token == token, _ISSUED.c.key == key)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else IssuedByToken(**row)

    def forget_joining(self, *, now_ms: int) -> None:
        self._connection.execute(delete(_WAITING).where(_WAITING.c.asked_ms <= now_ms - WAIT_MS))
        self._connection.execute(delete(_ISSUED).where(_ISSUED.c.expires_ms <= now_ms))
        before_ms = now_ms - TOKENS_KEPT_MS
        revoked = and_(_TOKENS.c.revoked_ms > 0, _TOKENS.c.revoked_ms <= before_ms)
        self._connection.execute(delete(_TOKENS).where(or_(_TOKENS.c.expires_ms <= before_ms, revoked)))


def _token(row: RowMapping) -> EnrolmentToken:
    return EnrolmentToken(
        hash=row["hash"],
        customer=row["customer"],
        uses_left=row["uses_left"],
        expires_ms=row["expires_ms"],
        replace=row["replaces"],
        made_by=row["made_by"],
        made_ms=row["made_ms"],
        site=row["site"],
        networks=tuple(json.loads(row["networks"])),
        serials=tuple(json.loads(row["serials"])),
        approve=row["approve"],
        revoked_ms=row["revoked_ms"],
        root=row["root"],
    )
