"""Users, their sessions and the audit log, on the control socket. What they may do is `cases/workflow.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, Field

from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Transaction, User
from hardcase_collector.domain.stored import AuditFilter
from hardcase_collector.web.access import end_sessions
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.audit_check import check_audit
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, scope_of
from hardcase_collector.web.passwords import hash_password

Password = Annotated[str, Field(max_length=1024)]


class UserBody(BaseModel):
    name: str = Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$")
    role: Role
    password: Password
    customer: str | None = Field(default=None, max_length=64)
    language: str = Field(default="", pattern="^(en|zh|)$")
    time_zone: str = Field(default="UTC", max_length=64)
    must_change: bool = False
    """He sees nothing until he has changed it."""


class ChangeBody(BaseModel):
    """What is not given stays as it is."""

    role: Role | None = None
    password: Password | None = None
    must_change: bool = False
    locked: bool | None = None


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _users(made, control)
    _change_users(made, control)
    _sessions(made, control)
    _audit(made, control)
    return made


def _users(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/users", response_model=None)
    def users(customer: str | None = None) -> Json:
        with shop.store.read() as tx:
            return {"users": plain(tuple(tx.access.users(customer=customer)))}

    @made.post("/users", response_model=None)
    def add(request: Request, body: UserBody) -> Json:
        _whose(body.role, body.customer)
        user = User(
            name=body.name,
            role=str(body.role),
            customer=body.customer,
            password_hash=hash_password(body.password),
            language=body.language,
            time_zone=body.time_zone,
            must_change=body.must_change,
        )
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            tx.access.add_user(user)
            facts: dict[str, Fact] = {"role": str(body.role)}
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="user.added", subject=body.name, facts=facts)
        return plain(user)


def _change_users(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/users/{name}", response_model=None)
    def change(request: Request, name: str, body: ChangeBody) -> Json:
        """His sessions end: whoever knew the old password or role is out."""
        hashed = hash_password(body.password) if body.password is not None else None
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            user = _user(tx, name)
            changed = _changed(user, body, hashed)
            _whose(Role(changed.role), changed.customer)
            if changed.role != Role.ADMINISTRATOR or changed.locked:
                _keep_an_administrator(tx, but=name)
            tx.access.change_user(changed)
            facts: dict[str, Fact] = {"role": changed.role, "password": hashed is not None}
            if changed.locked != user.locked:
                facts["locked"] = changed.locked
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="user.changed", subject=name, facts=facts)
        return plain(changed)

    @made.post("/users/{name}/remove", response_model=None)
    def remove(request: Request, name: str) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            user = _user(tx, name)
            _keep_an_administrator(tx, but=name)
            tx.access.remove_user(name)
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="user.removed", subject=name, facts={})
        return plain(user)


def _changed(user: User, body: ChangeBody, hashed: str | None) -> User:
    return replace(
        user,
        role=str(body.role or user.role),
        password_hash=hashed or user.password_hash,
        must_change=body.must_change if hashed else user.must_change or body.must_change,
        locked=user.locked if body.locked is None else body.locked,
    )


def _sessions(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/sessions", response_model=None)
    def sessions(customer: str | None = None, user: Annotated[str, Query(max_length=64)] = "") -> Json:
        """Who is signed in, newest first. Those not used for long are in it until their time is over."""
        with shop.store.read() as tx:
            found = tx.access.sessions(user=user or None, customer=customer, now_ms=shop.clock_ms())
        listed: list[Json] = []
        for one in found:
            line = plain(one)
            assert isinstance(line, dict)
            listed.append({**line, "id": one.id})
        return {"sessions": listed}

    @made.post("/users/{name}/sign-out", response_model=None)
    def sign_out(request: Request, name: str, session: Annotated[str, Body(embed=True, max_length=12)] = "") -> Json:
        """Everywhere, or of that session."""
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            _user(tx, name)
            ended = end_sessions(tx, name, session, now_ms=now_ms)
            facts: dict[str, Fact] = {"sessions": ended}
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="session.ended", subject=name, facts=facts)
        return {"ended": ended}


def _audit(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/audit", response_model=None)
    def audit(
        customer: str | None = None,
        actor: Annotated[str, Query(max_length=200)] = "",
        action: Annotated[str, Query(max_length=200)] = "",
        subject: Annotated[str, Query(max_length=200)] = "",
        from_ms: Annotated[int, Query(ge=0)] = 0,
        until_ms: Annotated[int, Query(ge=0)] = 0,
        after: Annotated[int | None, Query(ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=5000)] = 100,
    ) -> Json:
        """Newest first; with `after`, from the oldest on behind that number: so a copy elsewhere is kept up."""
        which = AuditFilter(
            customer=customer,
            actor=actor,
            action=action,
            subject=subject,
            from_ms=from_ms,
            until_ms=until_ms,
            after=after,
            limit=limit,
        )
        with shop.store.read() as tx:
            return {"audit": plain(tuple(tx.access.audits_where(which)))}

    @made.get("/audit/verify", response_model=None)
    def verify(request: Request, head: Annotated[str, Query(max_length=100)] = "") -> Json:
        """`head`: "NUMBER:DIGEST" as an earlier one told."""
        if scope_of(request) is not None:
            raise NotFound("the audit log is proved as a whole")
        with shop.store.read() as tx:
            return plain(check_audit(tx, head))


def _whose(role: Role, customer: str | None) -> None:
    """Raises NotAllowed: a customer's contact who belongs to no customer would see all of them."""
    if role is Role.CUSTOMER_CONTACT and not customer:
        raise NotAllowed("a customer contact belongs to a customer: name it with --customer")


def _user(tx: Transaction, name: str) -> User:
    user = tx.access.user(name)
    if user is None:
        raise NotFound("no user {name}; see hardcase-collector users list", name=name)
    return user


def _keep_an_administrator(tx: Transaction, *, but: str) -> None:
    others = (user for user in tx.access.users(customer=None) if user.name != but and not user.locked)
    if not any(user.role == Role.ADMINISTRATOR for user in others):
        raise NotAllowed("{name} is the last administrator; make another one first", name=but)
