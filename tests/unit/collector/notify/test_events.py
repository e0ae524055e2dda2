"""What a notification says, and who gets it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hardcase_collector.domain.advice import LiveState
from hardcase_collector.domain.asset import Asset, AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.case import Case, CaseState, TimelineEntry
from hardcase_collector.domain.finding import FindingKey, Severity, Why
from hardcase_collector.domain.ports import CaseNews, FindingRow
from hardcase_collector.notify.events import Sender, cloud_event, event_id
from hardcase_collector.notify.routing import Drills, Route

NOON = 1_795_521_600_000
PART = Part(component="psu", slot="PSU2", model="P800", serial="S1", part_number="PN-1")
SENDER = Sender(
    source="urn:hardcase:test",
    page_url="https://hardcase.example/cases/",
    title=lambda fault_class, language: f"{fault_class} in {language}",
)
FINDING = FindingRow(
    id=1,
    key=FindingKey(asset=1, feed=1, rule="psu-input", part=PART.key(), sensor="s"),
    firing=True,
    severity=Severity.MAJOR,
    fault_class="psu.input_lost",
    repair_group="psu",
    part=PART,
    since_ms=NOON - 5,
    changed_ms=NOON - 5,
    case=9,
    held="",
    held_until_ms=0,
    evidence={"value": float("nan"), "limit": 80.0, "text": "\u7535\u6e90"},
)
NEWS = CaseNews(
    case=Case(
        id=9,
        number="HC-20261124-0001",
        asset=1,
        part=PART,
        repair_group="psu",
        state=CaseState.NEW,
        severity=Severity.MAJOR,
        fault_classes=("psu.input_lost",),
        since_ms=NOON - 5,
        opened_ms=NOON,
        version=3,
    ),
    asset=Asset(
        id=1,
        key="dell|7ABC123",
        basis=IdentityBasis.SERIAL,
        facts=AssetFacts(vendor="Dell Inc.", model="R750", serial="7ABC123", hostname="web1"),
        customer="north",
        mode=AssetMode.LIVE,
        joined_ms=0,
        live_from_ms=0,
    ),
    entry=TimelineEntry(
        case=9, version=3, code="joined", at_ms=NOON + 1, actor="collector", parameters={"value": float("inf")}
    ),
    findings=(FINDING,),
    why=Why(
        asset=1,
        rule="psu-input",
        part=PART.key(),
        sensor="s",
        time_ms=NOON,
        decided_ms=NOON,
        opened=True,
        case=9,
        reason="joined",
        facts={"count": "1 of 1"},
    ),
    not_before_ms=0,
)


def test_an_event_is_a_cloud_event_that_tells_the_whole_case() -> None:
    event = json.loads(cloud_event(NEWS, SENDER, LiveState()))
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "time")} == {
        "specversion": "1.0",
        "id": "test-HC-20261124-0001-v3",
        "source": "urn:hardcase:test",
        "type": "io.hardcase.case.joined.v1",
        "subject": "HC-20261124-0001",
        "time": "2026-11-24T12:00:00.001Z",
    }
    data = event["data"]
    assert data["url"] == "https://hardcase.example/cases/HC-20261124-0001"
    assert data["rehearsal"] is False
    assert (data["case"]["version"], data["case"]["state"], data["case"]["severity"]) == (3, "new", "major")
    assert data["case"]["title"] == {"en": "psu.input_lost in en", "zh": "psu.input_lost in zh"}
    assert (data["case"]["origin"], data["case"]["priority"], data["case"]["outcome"]) == ("telemetry", "P3", None)
    assert data["case"]["since"] == "2026-11-24T11:59:59.995Z"
    assert data["asset"]["serial"] == "7ABC123"
    assert data["part"] == {
        "component": "psu",
        "slot": "PSU2",
        "model": "P800",
        "serial": "S1",
        "part_number": "PN-1",
        "firmware": "",
    }
    assert data["why"] == {"reason": "joined", "rule": "psu-input", "facts": {"count": "1 of 1"}}


def test_a_number_that_is_none_is_null_and_never_zero() -> None:
    data = json.loads(cloud_event(NEWS, SENDER, LiveState()))["data"]
    assert data["findings"][0]["evidence"] == {"value": None, "limit": 80.0, "text": "\u7535\u6e90"}
    assert data["event"]["parameters"] == {"value": None}


def test_a_flood_of_findings_is_counted_and_not_all_told() -> None:
    data = json.loads(cloud_event(replace(NEWS, findings=(FINDING,) * 50), SENDER, LiveState()))["data"]
    assert (len(data["findings"]), data["findings_firing"]) == (20, 50)


def test_a_text_without_end_does_not_make_a_body_without_end() -> None:
    endless = replace(FINDING, evidence={"text": "x" * 1_000_000})
    body = cloud_event(replace(NEWS, findings=(endless,) * 50), SENDER, LiveState())
    assert len(body) < 100_000
    assert json.loads(body)["data"]["findings"][0]["evidence"]["text"].startswith("xxx")


@pytest.mark.parametrize("since_ms", [-(10**15), 10**17])
def test_a_device_clock_beyond_the_calendar_does_not_stop_an_event(since_ms: int) -> None:
    odd = replace(NEWS, case=replace(NEWS.case, since_ms=since_ms))
    assert json.loads(cloud_event(odd, SENDER, LiveState()))["data"]["case"]["since"] is None


def test_a_case_that_is_over_carries_no_advice_and_asks_for_no_live_state() -> None:
    asked: list[Case] = []
    sender = replace(SENDER, counsel=lambda case, live: asked.append(case))
    for state in (CaseState.CLOSED, CaseState.CANCELLED):
        over = replace(NEWS, case=replace(NEWS.case, state=state))
        assert json.loads(cloud_event(over, sender, LiveState()))["data"]["advice"] is None
    assert asked == []


def test_an_id_is_the_same_for_the_same_version_and_holds_no_dot() -> None:
    later = replace(NEWS, entry=replace(NEWS.entry, version=4))
    assert event_id(NEWS, SENDER) == event_id(replace(NEWS, findings=()), SENDER)
    assert event_id(NEWS, SENDER) != event_id(later, SENDER)
    assert event_id(NEWS, SENDER) != event_id(NEWS, replace(SENDER, source="urn:hardcase:another"))
    assert "." not in event_id(NEWS, SENDER)


def test_text_that_no_encoding_takes_does_not_stop_an_event() -> None:
    odd = replace(NEWS, entry=replace(NEWS.entry, parameters={"text": "\ud800"}))
    assert json.loads(cloud_event(odd, SENDER, LiveState()))


@pytest.mark.parametrize(
    ("route", "rehearsal", "severity", "wanted"),
    [
        (Route(channel="c"), False, Severity.MINOR, True),
        (Route(channel="c"), False, Severity.WARNING, False),
        (Route(channel="c", min_severity=Severity.CRITICAL), False, Severity.MAJOR, False),
        (Route(channel="c", min_severity=Severity.CRITICAL), False, Severity.CRITICAL, True),
        (Route(channel="c"), True, Severity.MAJOR, True),
        (Route(channel="c", drills=Drills.SKIP), True, Severity.MAJOR, False),
        (Route(channel="c", drills=Drills.ONLY), True, Severity.MAJOR, True),
        (Route(channel="c", drills=Drills.ONLY), False, Severity.MAJOR, False),
    ],
)
def test_a_channel_hears_what_it_wants(route: Route, rehearsal: bool, severity: Severity, wanted: bool) -> None:
    assert route.wants(replace(NEWS.case, rehearsal=rehearsal, severity=severity)) is wanted
