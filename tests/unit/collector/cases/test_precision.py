"""How good rules are: what counts, what does not, and how often it is counted."""

from __future__ import annotations

from hardcase_collector.cases.precision import Confidence, Precision, precision
from hardcase_collector.domain.case import CaseAction, Outcome

from tests.unit.collector.cases.bench import DAY, HOUR, LI, MINUTE, NOON, Bench, cleared, raised


def closed(bench: Bench, key: str, outcome: Outcome, at: int = NOON) -> None:
    """A case of the rule "psu.input_lost/psu" that a person closed so."""
    bench.apply(raised(bench.asset(key), at=at), at=at)
    case = bench.cases(open_only=True)[-1]
    with bench.store.write() as tx:
        bench.actions.act(tx, case, CaseAction.CLOSE, by=LI, reason="x", now_ms=at + MINUTE, outcome=outcome)


def test_a_rule_is_counted_by_how_its_cases_ended(bench: Bench) -> None:
    for number, outcome in enumerate((Outcome.REPAIRED, Outcome.REPAIRED, Outcome.FALSE_ALARM, Outcome.NO_FAULT_FOUND)):
        closed(bench, f"dell|{number}", outcome)
    closed(bench, "rehearsal|1", Outcome.FALSE_ALARM)
    by_itself = raised(bench.asset("dell|9"))
    bench.apply(by_itself)
    bench.apply(cleared(by_itself, NOON + 1), at=NOON + 1)
    bench.tick(NOON + HOUR)
    with bench.store.read() as tx:
        (found,) = precision(tx, customer=None, from_ms=NOON, until_ms=NOON + DAY)
        assert precision(tx, customer="south", from_ms=NOON, until_ms=NOON + DAY) == ()
    assert found == Precision(rule="psu.input_lost/psu", confirmed=2, false_alarm=1, no_fault_found=1, unknown=1)
    assert (found.cases, found.judged, found.share) == (5, 4, 0.5)


def test_a_finding_that_joins_has_its_rule_counted_too(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset), raised(asset, "psu.failed", sensor="s2"))
    bench.act(CaseAction.CLOSE, outcome=Outcome.REPAIRED)
    with bench.store.read() as tx:
        found = precision(tx, customer=None, from_ms=0, until_ms=NOON + 1)
    assert [(one.rule, one.confirmed) for one in found] == [("psu.failed/psu", 1), ("psu.input_lost/psu", 1)]


def test_nothing_judged_is_no_share_and_is_not_shown(bench: Bench) -> None:
    closed(bench, "dell|1", Outcome.ACCEPTED)
    assert Precision(rule="r", duplicate=3, unknown=2).share is None
    confidence = Confidence(bench.store, lambda: NOON + DAY)
    assert [one.rule for one in confidence.of(["psu.input_lost/psu", "never"])] == ["psu.input_lost/psu"]
    assert confidence.of(()) == ()


def test_it_is_counted_anew_in_a_quarter_of_an_hour_and_forgets_after_a_year(bench: Bench) -> None:
    now = [NOON + HOUR]
    confidence = Confidence(bench.store, lambda: now[0])

    def judged() -> int:
        return sum(one.judged for one in confidence.of(["psu.input_lost/psu"]))

    closed(bench, "dell|1", Outcome.REPAIRED)
    assert judged() == 1
    closed(bench, "dell|2", Outcome.REPAIRED)
    now[0] += 14 * MINUTE
    assert judged() == 1
    now[0] += MINUTE
    assert judged() == 2
    closed(bench, "dell|3", Outcome.REPAIRED)
    now[0] -= 10 * MINUTE
    assert judged() == 3
    now[0] = NOON + 366 * DAY
    assert judged() == 0
