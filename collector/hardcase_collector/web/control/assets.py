"""Assets, their mode, joining and baselines, and stored decisions, on the control socket."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request

from hardcase_collector.domain.asset import AssetMode
from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.ports import Baseline
from hardcase_collector.web import picture
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, scope_of, who
from hardcase_collector.web.joining import settle

HOUR_MS = 3_600_000
MAX_LIST = 5000


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _read(made, control)
    _change(made, control)
    _baseline(made, control)
    return made


def _read(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/assets", response_model=None)
    def assets(
        search: str = "",
        customer: str | None = None,
        page: Annotated[int, Query(ge=1)] = 1,
        size: Annotated[int, Query(ge=1, le=MAX_LIST)] = MAX_LIST,
    ) -> Json:
        with shop.store.read() as tx:
            shown = picture.fleet(
                tx, customer=customer, now_ms=shop.clock_ms(), search=search, page=page, page_size=size
            )
        return {"assets": plain(shown.lines), "found": shown.found, "page": shown.page, "pages": shown.pages}

    @made.get("/assets/{name}", response_model=None)
    def asset(request: Request, name: str) -> Json:
        scope = scope_of(request)
        with shop.store.read() as tx:
            number = find_asset(tx, name, customer=scope).id
            return plain(picture.asset(tx, number, customer=scope, now_ms=shop.clock_ms(), readings=shop.readings))

    @made.get("/findings", response_model=None)
    def findings(
        customer: str | None = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 500,
    ) -> Json:
        """What fires now, whether or not it opened a case; it goes on behind the number `after`."""
        with shop.store.read() as tx:
            found = tx.findings.firing(customer=customer, after=after, limit=limit + 1)
        listed: list[Json] = []
        for row in found[:limit]:
            line = plain(row)
            assert isinstance(line, dict)
            listed.append({**line, "title": shop.title(row.fault_class, "en")})
        return {"findings": listed, "more": len(found) > limit}


def _change(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/assets/{name}/mode", response_model=None)
    def mode(
        request: Request,
        name: str,
        mode: Annotated[AssetMode, Body(embed=True)],
        hours: Annotated[float, Body(embed=True, ge=0, le=8760)] = 24.0,
    ) -> Json:
        now_ms = shop.clock_ms()
        live_from_ms = now_ms + int(hours * HOUR_MS) if mode is AssetMode.JOINING else now_ms
        with shop.store.write() as tx:
            found = find_asset(tx, name, customer=scope_of(request))
            tx.assets.set_mode(found.id, mode, live_from_ms=live_from_ms)
            tx.access.audit(
                at_ms=now_ms, actor=asker(request), action="asset.mode", subject=found.key, facts={"mode": str(mode)}
            )
            return plain(tx.assets.by_number(found.id))

    @made.post("/assets/{name}/joining", response_model=None)
    def joining(
        request: Request,
        name: str,
        open_cases: Annotated[bool, Body(embed=True)],
        reason: Annotated[str, Body(embed=True, min_length=1, max_length=500)],
        findings: Annotated[list[int], Body(embed=True, max_length=500)],
    ) -> Json:
        """No `findings`: all of them."""
        now_ms, by = shop.clock_ms(), who(request)
        with shop.store.write() as tx:
            found = find_asset(tx, name, customer=scope_of(request))
            settled = settle(
                tx, shop.actions, found, findings, open_cases=open_cases, by=by, reason=reason, now_ms=now_ms
            )
        return {"asset": found.id, "findings": settled}


def _baseline(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/assets/{name}/baseline", response_model=None)
    def baseline(
        request: Request,
        name: str,
        sensor: Annotated[str, Body(embed=True)],
        rule: Annotated[str, Body(embed=True)],
        reason: Annotated[str, Body(embed=True, min_length=1, max_length=500)],
    ) -> Json:
        """Accepts the sensor's present value."""
        now_ms, actor = shop.clock_ms(), asker(request)
        with shop.store.write() as tx:
            found = find_asset(tx, name, customer=scope_of(request))
            reading = _reading(shop.readings(tx, found.id), sensor)
            if reading.value is None:
                raise NotAllowed("{sensor} has no value now; a baseline is a value somebody saw", sensor=sensor)
            feed = next((feed.number for feed in tx.feeds.feeds(asset=found.id) if feed.source == reading.source), None)
            if feed is None:
                raise NotFound("no feed of source {source}", source=reading.source)
            accepted = Baseline(
                asset=found.id,
                feed=feed,
                sensor=reading.sensor,
                rule=rule,
                value=reading.value,
                by=actor,
                reason=reason,
                at_ms=now_ms,
            )
            tx.feeds.accept_baseline(accepted)
            tx.access.audit(
                at_ms=now_ms,
                actor=actor,
                action="asset.baseline",
                subject=found.key,
                facts={"sensor": reading.sensor, "rule": rule, "value": reading.value, "reason": reason},
            )
        control.baselines_changed(feed)
        return plain(accepted)


def _reading(readings: picture.Readings, sensor: str) -> picture.CurrentReading:
    found = [reading for reading in readings if sensor in (reading.sensor, reading.name)]
    if not found:
        raise NotFound("no sensor {sensor} with a current reading; see hardcase-collector assets show", sensor=sensor)
    if len(found) > 1:
        raise NotFound("{sensor} names {found} sensors; use the sensor's id", sensor=sensor, found=len(found))
    return found[0]
