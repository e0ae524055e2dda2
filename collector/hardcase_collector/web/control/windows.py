"""Maintenance windows on the control socket: opened now, planned, listed, prolonged, ended."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, Field

from hardcase_collector.cases.windows import HOUR_MS, Hours, Listed, Target, listed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.noise import Breadth
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, who

_DAY_MS = 24 * HOUR_MS
_LONGEST_H = 8760.0
WindowId = Annotated[str, Field(min_length=2, max_length=64)]


class For(BaseModel):
    """What a window is for."""

    breadth: Breadth
    name: str = Field(default="", max_length=200)
    customer: str = Field(default="", max_length=200)


class Planned(BaseModel):
    """From when until when, as `Hours`."""

    begins: str = Field(max_length=40)
    ends: str = Field(max_length=40)
    weekly: bool = False
    last: str = Field(default="", max_length=40)
    time_zone: str = Field(default="", max_length=60)


Reason = Annotated[str, Body(embed=True, max_length=500)]


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _open(made, control)
    _change(made, control)
    return made


def _open(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/windows", response_model=None)
    def now(
        request: Request,
        target: Annotated[For, Body(embed=True)],
        reason: Reason = "",
        hours: Annotated[float, Body(embed=True, gt=0, le=_LONGEST_H)] = 2.0,
    ) -> Json:
        now_ms, by = shop.clock_ms(), who(request)
        with shop.store.write() as tx:
            window = shop.windows.open_now(
                tx,
                _target(tx, target, by, control),
                id=secrets.token_bytes(16),
                reason=reason,
                by=by,
                now_ms=now_ms,
                lasts_ms=int(hours * HOUR_MS),
            )
            return _shown(tx, listed(window, now_ms))

    @made.post("/windows/plan", response_model=None)
    def plan(
        request: Request,
        target: Annotated[For, Body(embed=True)],
        hours: Annotated[Planned, Body(embed=True)],
        reason: Reason = "",
    ) -> Json:
        now_ms, by = shop.clock_ms(), who(request)
        with shop.store.write() as tx:
            window = shop.windows.plan(
                tx,
                _target(tx, target, by, control),
                Hours(**hours.model_dump()),
                id=secrets.token_bytes(16),
                reason=reason,
                by=by,
                now_ms=now_ms,
            )
            return _shown(tx, listed(window, now_ms))


def _change(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/windows", response_model=None)
    def windows(customer: str | None = None, past_days: Annotated[int, Query(ge=0, le=731)] = 0) -> Json:
        """Those that run or are to come; with `past_days` also those that were over since then."""
        now_ms = shop.clock_ms()
        with shop.store.read() as tx:
            found = shop.windows.list(tx, customer=customer, now_ms=now_ms, over_since_ms=now_ms - past_days * _DAY_MS)
            return {"windows": _all(tx, found)}

    @made.post("/windows/{id}/extend", response_model=None)
    def extend(request: Request, id: WindowId, hours: Annotated[float, Body(embed=True, gt=0, le=_LONGEST_H)]) -> Json:
        """So many hours from now on."""
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            until_ms = now_ms + int(hours * HOUR_MS)
            return _shown(tx, shop.windows.extend(tx, id, until_ms=until_ms, by=who(request), now_ms=now_ms))

    @made.post("/windows/{id}/end", response_model=None)
    def end(request: Request, id: WindowId, for_good: Annotated[bool, Body(embed=True)] = False) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            return _shown(tx, shop.windows.end(tx, id, for_good=for_good, by=who(request), now_ms=now_ms))


def _target(tx: Transaction, asked: For, by: Actor, control: Control) -> Target:
    """An asset may be named by any of its names; the customer may be left out where there is a default one."""
    if asked.breadth is Breadth.ASSET:
        asset = find_asset(tx, asked.name, customer=by.customer)
        return Target(breadth=Breadth.ASSET, customer=asset.customer, name=str(asset.id))
    customer = asked.customer or by.customer or control.default_customer
    return Target(breadth=asked.breadth, customer=customer, name=asked.name)


def _all(tx: Transaction, found: Sequence[Listed]) -> list[Json]:
    return [_shown(tx, one) for one in found]


def _shown(tx: Transaction, one: Listed) -> Json:
    line = plain(one)
    assert isinstance(line, dict)
    name = one.subject
    if one.breadth is Breadth.ASSET:
        facts = tx.assets.by_number(int(one.subject)).facts
        name = facts.hostname or facts.address or facts.serial or one.subject
    line["name"] = name
    return line
