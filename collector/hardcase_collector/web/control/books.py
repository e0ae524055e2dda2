"""The books as files, and single lines of them, on the control socket. What they hold is listed by `customers.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request

from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.registry import csv_text, toml_text
from hardcase_collector.registry.changes import Change
from hardcase_collector.registry.keeper import Keeper, Outcome, export
from hardcase_collector.registry.pieces import import_id, pieces_of
from hardcase_collector.registry.written import Kind
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.book_pieces import book_turn, carry_out
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, held_to, language_of
from hardcase_collector.web.refusals import in_words

MAX_FILES = 50

Scope = Annotated[str | None, Query(max_length=64)]


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _files(made, control)
    _lines(made, control)
    return made


def _files(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/books", response_model=None)
    def books(customer: Scope = None, form: Annotated[str, Query(pattern="^(csv|toml)$")] = "csv") -> Json:
        with shop.store.read() as tx:
            found = export(tx, customer=customer)
        files = csv_text.texts_of(found) if form == "csv" else {"books.toml": toml_text.text_of(found)}
        return {"files": plain(files)}

    @made.post("/books", response_model=None)
    def load(
        request: Request,
        files: Annotated[dict[str, str], Body(embed=True, min_length=1, max_length=MAX_FILES)],
        dry_run: Annotated[bool, Body(embed=True)],
        customer: Annotated[str | None, Body(embed=True, max_length=64)] = None,
        remove: Annotated[bool, Body(embed=True)] = False,
    ) -> Json:
        """Mistakes are an answer, not an error: with any, nothing is changed.

        What is right goes in by pieces; `stopped` says why it ended before the last. The same files again go on there.
        """
        keeper, world, customer = Keeper(), shop.books_world(), held_to(request, customer)

        def found() -> Outcome:
            """Files are read and checked while others write; only what is right waits for the writer's turns."""
            with shop.store.read() as tx:
                return keeper.run(tx, files, world, customer=customer, remove=remove, dry_run=True)

        if dry_run:
            return _told(found(), done=False)
        with book_turn():
            outcome = found()
            if outcome.mistakes or not outcome.changes:
                return _told(outcome, done=not outcome.mistakes)
            number = import_id(files, customer=customer, remove=remove)
            audit = partial(_audit, control, request, subject=customer or "", told={"import": number})
            carried = carry_out(
                shop.store,
                pieces_of(outcome.changes, together=outcome.together),
                begun=partial(audit, "books.import_begun"),
                over=partial(audit, "books.imported"),
            )
        _greet_again(control, carried.moved_agents)
        told = _told(replace(outcome, changes=carried.done), done=carried.stopped is None)
        why = in_words(carried.stopped, language_of(request)) if carried.stopped is not None else ""
        return {**told, "import": number, "of": len(outcome.changes), "stopped": why}


def _lines(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/books/{kind}", response_model=None)
    def put(
        request: Request,
        kind: Kind,
        values: Annotated[dict[str, str | bool | int], Body(embed=True)],
        fresh: Annotated[bool | None, Body(embed=True)] = None,
        customer: Annotated[str | None, Body(embed=True, max_length=64)] = None,
    ) -> Json:
        """One line, by its columns. An asset may be named as it is everywhere."""
        customer = held_to(request, customer)
        with book_turn():
            with shop.store.read() as tx:
                if kind is Kind.ASSET and not fresh and values.get("asset"):
                    values = {**values, "asset": find_asset(tx, str(values["asset"]), customer=customer).key}
                outcome = Keeper().put(tx, kind, values, shop.books_world(), customer=customer, fresh=fresh)
            key = " ".join(filter(None, outcome.changes[-1].key)) if outcome.changes else ""
            over = partial(_audit, control, request, f"{kind}.changed", subject=key, told={})
            whole = [outcome.changes] if outcome.changes else []
            carried = carry_out(shop.store, whole, begun=over, over=over)
        _greet_again(control, carried.moved_agents)
        return _told(outcome, done=True)


def _audit(
    control: Control,
    request: Request,
    action: str,
    tx: Transaction,
    changes: Sequence[Change],
    *,
    subject: str,
    told: Mapping[str, Fact],
) -> None:
    counts: dict[str, int] = {}
    for change in changes:
        counts[f"{change.kind}.{change.turn}"] = counts.get(f"{change.kind}.{change.turn}", 0) + 1
    tx.access.audit(
        at_ms=control.shop.clock_ms(), actor=asker(request), action=action, subject=subject, facts={**counts, **told}
    )


def _greet_again(control: Control, agents: Iterable[int]) -> None:
    for agent in agents:
        control.greet_again(agent)


def _told(outcome: Outcome, *, done: bool) -> dict[str, Json]:
    return {
        "done": done,
        "mistakes": list(outcome.mistakes),
        "changes": [_change(change) for change in outcome.changes],
    }


def _change(change: Change) -> Json:
    return {
        "turn": str(change.turn),
        "kind": str(change.kind),
        "key": list(change.key),
        "fields": {name: [_cell(was), _cell(will)] for name, (was, will) in change.fields.items()},
    }


def _cell(value: object) -> Json:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return value.isoformat() if isinstance(value, date) else str(value)
