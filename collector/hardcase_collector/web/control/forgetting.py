"""Forgetting persons and customers, on the control socket: told first, then done."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Body, Request

from hardcase_collector.registry import forgetting
from hardcase_collector.registry.forgetting import Forgotten
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.book_pieces import book_turn
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker

Name = Annotated[str, Body(embed=True, min_length=1, max_length=64)]
DryRun = Annotated[bool, Body(embed=True)]


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1/forget", route_class=AgainRoute)
    shop = control.shop

    @made.post("/person", response_model=None)
    def person(
        request: Request,
        name: Name,
        dry_run: DryRun,
        customer: Annotated[str | None, Body(embed=True, max_length=64)] = None,
    ) -> Json:
        if dry_run:
            with shop.store.read() as tx:
                return _told(forgetting.person(tx, name, customer=customer, pseudonym="", dry_run=True), done=False)
        pseudonym = f"forgotten-{secrets.token_hex(4)}"
        with book_turn(), shop.store.write() as tx:
            gone = forgetting.person(tx, name, customer=customer, pseudonym=pseudonym, dry_run=False)
            tx.access.audit(
                at_ms=shop.clock_ms(), actor=asker(request), action="person.forgotten", subject=pseudonym, facts={}
            )
        return _told(gone, done=True)

    @made.post("/customer", response_model=None)
    def customer(request: Request, name: Name, dry_run: DryRun) -> Json:
        """The streams of his agents end; who enrolled them must enrol them anew."""
        if dry_run:
            with shop.store.read() as tx:
                return _told(forgetting.customer(tx, name, dry_run=True), done=False)
        with book_turn(), shop.store.write() as tx:
            gone = forgetting.customer(tx, name, dry_run=False)
            tx.access.audit(
                at_ms=shop.clock_ms(),
                actor=asker(request),
                action="customer.forgotten",
                subject="",
                facts={"rows": sum(gone.traces.values())},
            )
        for agent in gone.agents:
            control.revoked(agent)
        if shop.attachments is not None:
            shop.attachments.sweep(gone.files)
        return _told(gone, done=True)

    return made


def _told(found: Forgotten, *, done: bool) -> Json:
    return {
        "done": done,
        "pseudonym": found.pseudonym,
        "traces": plain(dict(found.traces)),
        "agents": len(found.agents),
        "files": len(found.files),
        "papers": [plain(one) for one in found.papers],
        "stays": [str(one) for one in found.stays],
    }
