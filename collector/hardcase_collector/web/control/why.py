"""Stored answers to "why did this (not) open a case?" on the control socket, by every filter."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hardcase_collector.domain.noise import NEVER_MS, WhyFilter
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control
from hardcase_collector.web.texts import LANGUAGES
from hardcase_collector.web.why_words import sentence


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    shop = control.shop

    @made.get("/why", response_model=None)
    def why(
        asset: str = "",
        case: str = "",
        customer: str | None = None,
        part: str = "",
        rule: str = "",
        reason: str = "",
        from_ms: Annotated[int, Query(ge=0)] = 0,
        until_ms: Annotated[int, Query(ge=0)] = NEVER_MS,
        opened: bool | None = None,
        limit: Annotated[int, Query(ge=1, le=5000)] = 100,
    ) -> Json:
        with shop.store.read() as tx:
            which = WhyFilter(
                customer=customer,
                asset=find_asset(tx, asset, customer=customer).id if asset else None,
                case=tx.cases.by_number(case, customer=customer).id if case else None,
                part=part,
                rule=rule,
                reason=reason,
                from_ms=from_ms,
                until_ms=until_ms,
                opened=opened,
                limit=limit,
            )
            found = tx.noise.whys(which)
            cases = {one.case: tx.cases.get(one.case).number for one in found if one.case is not None}
        lines: list[Json] = []
        for one in found:
            line = plain(one)
            assert isinstance(line, dict)
            number = "" if one.case is None else cases[one.case]
            line["case_number"] = number or None
            line["sentence"] = {language: sentence(one, number, language) for language in LANGUAGES}
            lines.append(line)
        return {"whys": lines}

    return made
