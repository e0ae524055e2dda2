"""What a proposal costs: coverage, lines, revisions, the customer's word, and that the repair waits for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hardcase_collector.domain.case import CaseAction, CaseState, Waiting
from hardcase_collector.domain.customer import Entitlement
from hardcase_collector.domain.errors import IllegalAction, NotAllowed
from hardcase_collector.domain.repair import (
    ConsentChannel,
    LineKind,
    LineReason,
    Manner,
    Quote,
    QuoteLine,
    QuoteState,
    money,
)
from hardcase_collector.plans.plan import Coverage
from hardcase_collector.service.coverage import anniversary, covered, kinds
from hardcase_collector.service.proposals import Answer
from hardcase_collector.service.quotes import QuoteDraft
from hardcase_collector.service.served import Served
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.collector.cases.bench import NOON, Part
from tests.unit.collector.service.bench import ALL, DAI, DAY, ZHANG, ServiceBench, item
from tests.unit.collector.service.conftest import Benches

FULL = Coverage(parts_years=3, labour_years=3, on_site_years=3, phone_for_life=True)
TODAY = date(2026, 11, 24)
COVERED = Served(
    plan="standard-3y",
    coverage=FULL,
    entitled=True,
    starts=date(2026, 1, 1),
    ends=date(2028, 12, 31),
    purchased=date(2026, 1, 1),
)


@pytest.mark.parametrize(
    ("served", "kind", "manner", "reason"),
    [
        (COVERED, LineKind.LABOUR, Manner.ON_SITE, LineReason.COVERED),
        (COVERED, LineKind.TRAVEL, Manner.ON_SITE, LineReason.COVERED),
        (COVERED, LineKind.PART, Manner.PART, LineReason.COVERED),
        (COVERED, LineKind.LABOUR, Manner.REMOTE, LineReason.PHONE_FOR_LIFE),
        (replace(COVERED, entitled=False), LineKind.LABOUR, Manner.REMOTE, LineReason.PHONE_FOR_LIFE),
        (replace(COVERED, entitled=False), LineKind.LABOUR, Manner.ON_SITE, LineReason.NO_PLAN),
        (Served(), LineKind.PART, Manner.PART, LineReason.NO_PLAN),
        (replace(COVERED, ends=date(2026, 11, 23)), LineKind.PART, Manner.PART, LineReason.ENDED),
        (replace(COVERED, ends=TODAY), LineKind.PART, Manner.PART, LineReason.COVERED),
        (replace(COVERED, starts=date(2026, 11, 25)), LineKind.PART, Manner.PART, LineReason.ENDED),
        (replace(COVERED, ends=date(2026, 11, 23)), LineKind.LABOUR, Manner.REMOTE, LineReason.PHONE_FOR_LIFE),
        (replace(COVERED, purchased=date(2023, 11, 24)), LineKind.PART, Manner.PART, LineReason.YEARS_OVER),
        (replace(COVERED, purchased=date(2023, 11, 25)), LineKind.PART, Manner.PART, LineReason.COVERED),
        (replace(COVERED, coverage=replace(FULL, parts_years=0)), LineKind.PART, Manner.PART, LineReason.NOT_INCLUDED),
        (replace(COVERED, coverage=replace(FULL, quoted=("parts",))), LineKind.PART, Manner.PART, LineReason.QUOTED),
        (replace(COVERED, coverage=replace(FULL, quoted=("parts",))), LineKind.TRAVEL, Manner.PART, LineReason.COVERED),
        (replace(COVERED, coverage=replace(FULL, carry_in=True)), LineKind.TRAVEL, Manner.PART, LineReason.CARRY_IN),
    ],
)
def test_what_is_free_on_a_day(served: Served, kind: LineKind, manner: Manner, reason: LineReason) -> None:
    assert covered(kind, manner, served, on=TODAY) is reason


def test_what_a_repair_takes() -> None:
    assert kinds(Manner.REMOTE, self_repair=False) == (LineKind.LABOUR,)
    assert kinds(Manner.ON_SITE, self_repair=False) == (LineKind.LABOUR, LineKind.TRAVEL)
    assert kinds(Manner.PART, self_repair=False) == (LineKind.LABOUR, LineKind.TRAVEL, LineKind.PART)
    assert kinds(Manner.PART, self_repair=True) == (LineKind.PART,)


def test_a_year_from_a_leap_day_ends_on_the_first_of_march() -> None:
    assert anniversary(date(2024, 2, 29), 1) == date(2025, 3, 1)
    assert anniversary(date(2024, 2, 29), 4) == date(2028, 2, 29)


def test_what_nothing_covers_is_quoted_before_the_repair(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose()
    assert proposal.uncovered == ("labour", "travel", "part")
    bench.consent()
    with pytest.raises(IllegalAction, match="labour, travel, part must be quoted"):
        bench.act(CaseAction.START_REPAIR)


@pytest.mark.parametrize(
    ("plan", "uncovered"),
    [
        ("gold-7x24x4", ()),
        ("labour-5y", ("part",)),
        ("parts-only", ("labour", "travel")),
        ("out-of-warranty", ("labour", "travel", "part")),
    ],
)
def test_each_plan_says_what_is_quoted(benches: Benches, plan: str, uncovered: tuple[str, ...]) -> None:
    bench = benches(plan)
    bench.act(CaseAction.CONFIRM)
    assert bench.propose().uncovered == uncovered


def test_a_part_has_its_own_entitlement(benches: Benches) -> None:
    bench = benches("gold-7x24x4")
    with bench.store.write() as tx:
        tx.registry.save_entitlement(
            Entitlement(
                id=0,
                asset=bench.asset.id,
                part="backplane",
                plan="labour-5y",
                vendor="Dell",
                starts=date(2026, 1, 1),
                ends=date(2030, 1, 1),
            )
        )
    bench.act(CaseAction.CONFIRM)
    assert bench.propose(part=Part(component="backplane", slot="1")).uncovered == ("part",)
    assert bench.propose().uncovered == ()


def test_a_quote_shows_what_is_covered_as_nothing_with_the_reason(benches: Benches) -> None:
    bench = benches("labour-5y")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    quote = bench.quote(item(LineKind.PART, "1250.505"))
    told = [(line.kind, line.why, line.amount("CNY")) for line in quote.lines]
    assert told == [
        (LineKind.PART, LineReason.QUOTED, Decimal("1250.51")),
        (LineKind.LABOUR, LineReason.COVERED, Decimal("0.00")),
        (LineKind.TRAVEL, LineReason.COVERED, Decimal("0.00")),
    ]
    assert quote.total == Decimal("1250.51")


def test_what_is_covered_costs_nothing_even_with_a_price(benches: Benches) -> None:
    bench = benches("labour-5y")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    quote = bench.quote(*ALL)
    assert quote.total == Decimal("1250.50")


def test_what_is_not_covered_needs_a_line(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    with pytest.raises(IllegalAction, match="travel is not covered"):
        bench.quote(item(LineKind.LABOUR, "300"), item(LineKind.PART, "10"))


def test_goodwill_costs_nothing_and_needs_no_acceptance(benches: Benches) -> None:
    bench = benches("labour-5y")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    quote = bench.quote(item(LineKind.PART, "900", goodwill=True))
    assert (quote.total, quote.lines[0].why) == (Decimal("0.00"), LineReason.GOODWILL)
    bench.consent()
    bench.act(CaseAction.START_REPAIR)
    assert bench.case.state is CaseState.REPAIRING


def named(quote: int | None, reason: str = "") -> Answer:
    return Answer(who="Zhang Wei", channel=ConsentChannel.MAIL, quote=quote, reason=reason)


def test_consent_accepts_the_quote_that_it_names(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    quote = bench.quote()
    with pytest.raises(IllegalAction, match=r"quote 1 over 2180\.50 CNY is accepted with it"):
        bench.consent()
    bench.consent(named(1))
    with bench.store.read() as tx:
        kept = tx.repairs.quote(quote.id)
    assert (kept.state, kept.decided_by, kept.recorded_by) == (QuoteState.ACCEPTED, "Zhang Wei", "dai")
    assert bench.timeline("moved")[-1].parameters["total"] == "2180.50"
    bench.act(CaseAction.START_REPAIR)


def test_a_revision_takes_the_place_of_what_was_accepted(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.quote()
    bench.consent(named(1))
    bench.quote(*ALL, item(LineKind.PART, "99"))
    assert bench.case.waiting is Waiting.CUSTOMER
    with pytest.raises(IllegalAction, match=r"quote 2 over 2279\.50 CNY is open, not accepted"):
        bench.act(CaseAction.START_REPAIR)
    with bench.store.write() as tx, pytest.raises(IllegalAction, match="quote 1 is no longer offered"):
        bench.desk.quotes.accept(tx, bench.case, named(1), by=ZHANG, now_ms=NOON)
    with bench.store.write() as tx:
        bench.desk.quotes.accept(tx, bench.case, named(2), by=ZHANG, now_ms=NOON)
    assert bench.case.waiting is Waiting.NOTHING
    bench.act(CaseAction.START_REPAIR)


def test_a_refused_quote_keeps_the_consent_and_stops_the_repair(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.consent()
    bench.quote()
    with bench.store.write() as tx, pytest.raises(IllegalAction, match="reason"):
        bench.desk.quotes.refuse(tx, bench.case, named(None), by=ZHANG, now_ms=NOON)
    with bench.store.write() as tx:
        bench.desk.quotes.refuse(tx, bench.case, named(None, "too dear"), by=ZHANG, now_ms=NOON)
    assert (bench.case.state, bench.case.waiting) == (CaseState.CONSENTED, Waiting.NOTHING)
    assert bench.timeline("quote_refused")[-1].parameters["reason"] == "too dear"
    with pytest.raises(IllegalAction, match="refused, not accepted"):
        bench.act(CaseAction.START_REPAIR)


def test_an_expired_quote_cannot_be_accepted(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.quote(valid_ms=DAY)
    with pytest.raises(IllegalAction, match="no longer valid"):
        bench.consent(named(1), at=NOON + DAY)
    bench.consent(named(1), at=NOON + DAY - 1)


def test_once_the_repair_has_begun_nothing_is_quoted(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.consent()
    bench.act(CaseAction.START_REPAIR)
    with pytest.raises(IllegalAction, match="before the repair"):
        bench.quote()


@pytest.mark.parametrize(
    ("price", "quantity", "currency"),
    [("-1", "1", "CNY"), ("NaN", "1", "CNY"), ("1", "0", "CNY"), ("Infinity", "1", "CNY"), ("1", "1", "yuan")],
)
def test_nonsense_is_no_quote(benches: Benches, price: str, quantity: str, currency: str) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    items = tuple(item(kind, price, quantity=quantity) for kind in LineKind)
    draft = QuoteDraft(items=items, currency=currency, valid_until_ms=NOON + DAY)
    with bench.store.write() as tx, pytest.raises(IllegalAction):
        bench.desk.quotes.quote(tx, bench.case, draft, by=DAI, now_ms=NOON)


def test_a_customer_cannot_write_his_own_quote(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    with pytest.raises(NotAllowed):
        bench.quote(by=ZHANG)


AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False, allow_infinity=False)


@given(
    lines=st.lists(st.tuples(AMOUNTS, AMOUNTS.filter(bool), st.sampled_from(LineReason)), min_size=1, max_size=8),
    currency=st.sampled_from(["CNY", "JPY", "KWD", "EUR"]),
)
def test_a_total_is_the_sum_of_the_lines_as_they_are_shown(
    lines: list[tuple[Decimal, Decimal, LineReason]], currency: str
) -> None:
    quote = Quote(
        case=1,
        proposal=1,
        revision=1,
        currency=currency,
        lines=tuple(
            QuoteLine(kind=LineKind.PART, text="", quantity=quantity, unit_price=price, why=why)
            for price, quantity, why in lines
        ),
        valid_until_ms=1,
        by="dai",
        made_ms=0,
    )
    shown = [Decimal(str(line.amount(currency))) for line in quote.lines]
    assert quote.total == sum(shown)
    assert all(amount == 0 for line, amount in zip(quote.lines, shown, strict=True) if line.free)
    assert quote.total == money(quote.total, currency)
