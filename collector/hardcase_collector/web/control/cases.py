"""Cases and their notifications on the control socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request

from hardcase_collector.cases.workflow import Deed, may
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case, CaseAction, Outcome
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.ports import CaseFilter, OutboxRow
from hardcase_collector.web import picture
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, who
from hardcase_collector.web.ports import Shop
from hardcase_collector.web.texts import LANGUAGES

MAX_LIST = 5000


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _read(made, control)
    _act(made, control)
    _letters(made, control)
    return made


def _read(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/cases", response_model=None)
    def cases(
        request: Request,
        all: bool = False,
        customer: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 200,
        before: Annotated[int | None, Query(ge=1)] = None,
    ) -> Json:
        """Newest first; it goes on with those of a lower id than `before`."""
        with shop.store.read() as tx:
            found = tx.cases.list(CaseFilter(customer=customer, open_only=not all, limit=limit + 1, before=before))
            more, found = len(found) > limit, [_seen_by(who(request), case) for case in found[:limit]]
            assets = {number: tx.assets.by_number(number) for number in {case.asset for case in found}}
        return {"cases": [_line(shop, case, assets[case.asset]) for case in found], "more": more}

    @made.get("/cases/{number}", response_model=None)
    def case(request: Request, number: str) -> Json:
        by = who(request)
        with shop.store.read() as tx:
            shown = picture.case(
                tx,
                number,
                customer=None,
                legal=lambda shown: shop.actions.legal(shown, by=by),
                counsel=shop.counsel,
                now_ms=shop.clock_ms(),
            )
            owed = tx.outbox.of_case(shown.case.id)
        if not may(by.role, Deed.SEE_INTERNAL):
            shown, owed = picture.outside(shown), ()
        return _whole(shop, shown, owed)


def _seen_by(by: Actor, case: Case) -> Case:
    return case if may(by.role, Deed.SEE_INTERNAL) else picture.case_outside(case)


def _line(shop: Shop, case: Case, asset: Asset) -> Json:
    line = plain(case)
    assert isinstance(line, dict)
    facts = asset.facts
    line["asset_name"] = facts.hostname or facts.address or facts.serial or str(case.asset)
    line["title"] = titled(shop, case, "en")
    line["titles"] = {tongue: titled(shop, case, tongue) for tongue in LANGUAGES}
    return line


def _whole(shop: Shop, shown: picture.CasePicture, owed: Sequence[OutboxRow]) -> Json:
    answer = plain(shown)
    assert isinstance(answer, dict)
    answer["title"] = titled(shop, shown.case, "en")
    answer["titles"] = {tongue: titled(shop, shown.case, tongue) for tongue in LANGUAGES}
    del answer["counsel"]
    answer["advice"] = (
        None if shown.counsel is None else {tongue: plain(shown.counsel.said(tongue)) for tongue in LANGUAGES}
    )
    rules = {why.rule for why in shown.whys if why.opened}
    answer["confidence"] = [
        {"rule": one.rule, "share": one.share, "judged": one.judged} for one in shop.confidence(rules)
    ]
    answer["notifications"] = [
        {
            "id": row.id,
            "channel": row.channel,
            "version": row.version,
            "state": row.state,
            "attempts": row.attempts,
            "last_error": row.last_error,
        }
        for row in owed
    ]
    return answer


def titled(shop: Shop, case: Case, language: str) -> str:
    """What is wrong, in words of this language; of a reported case what its reporter called it."""
    return case.title or ", ".join(shop.title(fault, language) for fault in case.fault_classes)


def _act(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/cases/{number}/{action}", response_model=None)
    def act(
        request: Request,
        number: str,
        action: str,
        text: Annotated[str, Body(embed=True, max_length=2000)],
        outcome: Annotated[Outcome, Body(embed=True)] = Outcome.UNKNOWN,
        duplicate_of: Annotated[str, Body(embed=True, max_length=40)] = "",
        internal: Annotated[bool, Body(embed=True)] = False,
    ) -> Json:
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            case = tx.cases.by_number(number, customer=None)
            if action == "acknowledge":
                shop.actions.acknowledge(tx, case, by=by, now_ms=now_ms)
            elif action == "note":
                shop.actions.note(tx, case, by=by, text=text, now_ms=now_ms, internal=internal)
            elif action in list(CaseAction):
                shop.actions.act(
                    tx,
                    case,
                    CaseAction(action),
                    by=by,
                    reason=text,
                    now_ms=now_ms,
                    outcome=outcome,
                    duplicate_of=duplicate_of,
                )
            else:
                raise IllegalAction("there is no action {action}", action=action)
            tx.access.audit(at_ms=now_ms, actor=by.name, action=f"case.{action}", subject=number, facts={})
            return plain(_seen_by(by, tx.cases.get(case.id)))


def _letters(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/dead-letters", response_model=None)
    def letters(customer: str | None = None, limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 200) -> Json:
        listed: list[Json] = []
        with shop.store.read() as tx:
            for row in tx.outbox.dead_letters(customer=customer, limit=limit):
                line = plain(row)
                assert isinstance(line, dict)
                del line["body"]
                line["case_number"] = row.subject if row.case is None else tx.cases.get(row.case).number
                listed.append(line)
        return {"dead_letters": listed}

    @made.post("/dead-letters/resend", response_model=None)
    def resend(request: Request, ids: Annotated[list[int], Body(embed=True)]) -> Json:
        """An empty list = all of them."""
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            dead = {row.id for row in tx.outbox.dead_letters(customer=who(request).customer, limit=MAX_LIST)}
            unknown = [str(row) for row in ids if row not in dead]
            if unknown:
                raise NotFound("no dead letter {unknown}", unknown=tuple(unknown))
            chosen = ids or sorted(dead)
            for row in chosen:
                tx.outbox.resend(row, now_ms=now_ms)
            tx.access.audit(
                at_ms=now_ms, actor=asker(request), action="outbox.resent", subject="", facts={"letters": len(chosen)}
            )
        return {"resent": len(chosen)}
