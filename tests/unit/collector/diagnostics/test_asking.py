"""Who may ask which agent for what, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.diagnostics.choosing import disks_of
from hardcase_collector.diagnostics.kinds import KINDS
from hardcase_collector.diagnostics.settings import MOST_OPEN
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.diagnostic import DiagnosticKind as K
from hardcase_collector.domain.diagnostic import RequestState as S
from hardcase_collector.domain.errors import DiagnosticRefused, NotAllowed, NotFound

from tests.unit.collector.diagnostics.bench import (
    ADA,
    BOT,
    DISK,
    EVA,
    HOUR,
    LI,
    MAX,
    MINUTE,
    NOON,
    DiagnosticBench,
)

TEST = {"disk": "ST4000|ZC1", "test": "short"}
ARGUMENTS = {K.SELF_TEST: TEST, K.IDENTIFY: {"target": "chassis"}}
READING = {K.READ_SEL, K.READ_SENSORS, K.INVENTORY}
MAY = {
    Role.VIEWER: set(),
    Role.ENGINEER: {*READING, K.SELF_TEST, K.IDENTIFY, K.BUNDLE},
    Role.DISPATCHER: set(),
    Role.MANAGER: set(K),
    Role.ADMINISTRATOR: set(K),
    Role.CUSTOMER_CONTACT: set(),
    Role.AUTOMATION: READING,
}


def refused(name: str) -> object:
    return pytest.raises(DiagnosticRefused, check=lambda error: error.name == name)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_ask_for_these_kinds_and_no_others(bench: DiagnosticBench, role: Role) -> None:
    _, asset = bench.ready()
    by = Actor(name="x", role=role, customer="north" if role is Role.CUSTOMER_CONTACT else None)
    allowed = set()
    for kind in K:
        try:
            bench.ask(asset, kind, by=by, arguments=ARGUMENTS.get(kind, {}), reason="because")
            allowed.add(kind)
        except NotAllowed:
            continue
    assert allowed == MAY[role]


def test_what_is_asked_is_kept_nudged_and_audited(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    asked = bench.ask(asset, K.SELF_TEST, arguments=TEST, reason=" noisy ")

    assert bench.now(asked) == asked
    assert (asked.state, asked.target, asked.serial) == (S.ASKED, "ST4000|ZC1", "")
    assert (asked.asked_by, asked.role, asked.reason) == ("li", Role.ENGINEER, "noisy")
    assert asked.expires_ms == NOON + HOUR
    assert bench.nudged == [agent.number]
    (entry,) = bench.audits()
    assert (entry.action, entry.actor, entry.subject) == ("diagnostic.asked", "li", "dell|7abc123")
    assert entry.facts["agent"] == "agent-1"
    assert entry.facts["request"] == asked.name


def test_an_asset_without_an_agent_cannot_be_asked(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    with bench.store.write() as tx:
        other = tx.assets.add(
            key="hpe|2", basis="serial", facts=tx.assets.by_number(asset).facts, customer="north", mode="live",
            joined_ms=0, live_from_ms=0,
        )  # fmt: skip
    with refused("no-agent"):
        bench.ask(other.id)
    with refused("no-agent"):
        bench.ask(asset, agent="agent-of-somebody")


def test_a_revoked_agent_is_not_asked(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    with bench.store.write() as tx:
        tx.agents.replace(replace(agent, revoked=True))
    with refused("agent-revoked"):
        bench.ask(asset)


@pytest.mark.parametrize("told", [False, True])
def test_what_the_agent_does_not_list_is_not_asked(bench: DiagnosticBench, told: bool) -> None:
    agent = bench.agent()
    asset = bench.machine(agent)
    if told:
        bench.allows(agent, K.INVENTORY)
    with refused("not-allowed-there"):
        bench.ask(asset, K.READ_SEL)
    bench.allows(agent, K.READ_SEL)
    bench.ask(asset, K.READ_SEL)
    bench.allows(agent)
    with refused("not-allowed-there"):
        bench.ask(asset, K.INVENTORY)


def test_one_of_a_kind_and_target_is_open_at_a_time(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    first = bench.ask(asset, K.SELF_TEST, arguments=TEST, reason="r")
    with pytest.raises(DiagnosticRefused, match=first.name[:8]):
        bench.ask(asset, K.SELF_TEST, arguments={**TEST, "test": "long"}, reason="r")
    bench.ask(asset, K.SELF_TEST, arguments={"disk": "ST4000|ZC2"}, reason="r")
    bench.ask(asset, K.SELF_TEST, arguments={**TEST, "test": "abort"}, reason="r")
    bench.desk.asking.withdraw(first.name, by=LI, reason="", now_ms=NOON)
    bench.ask(asset, K.SELF_TEST, arguments=TEST, reason="r")


def test_an_agent_has_so_many_open_requests_and_no_more(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    for number in range(MOST_OPEN):
        bench.ask(asset, K.SELF_TEST, arguments={"disk": f"ST|{number}"}, reason="r")
    with refused("too-many-open"):
        bench.ask(asset, K.READ_SEL)


def test_an_agent_of_several_assets_is_told_which_by_its_serial(bench: DiagnosticBench) -> None:
    agent, own = bench.ready()
    beside = bench.machine(agent, serial="BESIDE1", own=False)
    nameless = bench.machine(agent, serial="", own=False)
    assert bench.ask(own).serial == ""
    assert bench.ask(beside).serial == "BESIDE1"
    with refused("no-serial"):
        bench.ask(nameless)


def test_the_machines_own_agent_is_asked_before_others_that_watch_it(bench: DiagnosticBench) -> None:
    own, asset = bench.ready()
    other = bench.agent("agent-2", last_seen_ms=NOON + HOUR)
    bench.allows(other, *K)
    with bench.store.write() as tx:
        tx.assets.bind(asset, other.number)
    assert bench.ask(asset).agent == own.number
    assert bench.ask(asset, agent="agent-2").agent == other.number
    bench.allows(own, K.READ_SEL)
    assert bench.ask(asset, K.INVENTORY).agent == other.number


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (K.READ_SEL, {"disk": "ST|1"}),
        (K.READ_SEL, {"shell": "rm"}),
        (K.SELF_TEST, {}),
        (K.SELF_TEST, {"disk": "/dev/sda"}),
        (K.SELF_TEST, {"disk": "ST|"}),
        (K.SELF_TEST, {"disk": "ST|1\n"}),
        (K.SELF_TEST, {"disk": "ST|" + "1" * 300}),
        (K.SELF_TEST, {"disk": "ST|1", "test": "conveyance"}),
        (K.IDENTIFY, {"target": "disk"}),
        (K.IDENTIFY, {"target": "rack"}),
        (K.IDENTIFY, {"seconds": "-1"}),
        (K.IDENTIFY, {"seconds": "３"}),
        (K.IDENTIFY, {"seconds": "3601"}),
        (K.BUNDLE, {"parts": "dmesg;reboot"}),
        (K.BUNDLE, {"parts": "../etc"}),
    ],
)
def test_arguments_are_a_closed_list_and_checked(bench: DiagnosticBench, kind: K, given: dict[str, str]) -> None:
    _, asset = bench.ready()
    with refused("wrong-argument"):
        bench.ask(asset, kind, arguments=given, reason="r")
    with bench.store.read() as tx:
        assert tx.diagnostics.open_count(1) == 0


def test_what_is_not_said_is_sent_as_its_default(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    lamp = bench.ask(asset, K.IDENTIFY, arguments={"disk": "ST|1", "seconds": ""})
    assert lamp.arguments == {"target": "chassis", "seconds": "300"}
    assert lamp.target == "chassis"
    bay = bench.ask(asset, K.IDENTIFY, arguments={"target": "disk", "disk": "ST|1", "seconds": "0"})
    assert bay.arguments == {"target": "disk", "disk": "ST|1", "seconds": "0"}
    assert set(KINDS) == set(K)


@pytest.mark.parametrize("kind", [K.SELF_TEST, K.CLEAR_SEL])
def test_what_is_hard_to_take_back_needs_a_reason(bench: DiagnosticBench, kind: K) -> None:
    _, asset = bench.ready()
    with refused("reason-needed"):
        bench.ask(asset, kind, by=MAX, arguments=ARGUMENTS.get(kind, {}), reason="  ")


def test_it_lasts_as_long_as_said_within_bounds(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    assert bench.ask(asset, expiry_ms=5 * MINUTE).expires_ms == NOON + 5 * MINUTE
    for wrong in (1000, 8 * 24 * HOUR):
        with refused("wrong-argument"):
            bench.ask(asset, K.INVENTORY, expiry_ms=wrong)


def test_a_case_has_it_on_its_timeline_and_tells_no_channel(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    case = bench.case(asset)
    asked = bench.sent(asset, K.SELF_TEST, arguments=TEST, reason="noisy", case=case.number)
    bench.report(asked, S.ACCEPTED)
    bench.report(asked, S.DONE, "passed")

    began, ended = bench.timeline(case)
    assert (began.code, began.actor) == ("diagnostic_asked", "li")
    assert began.parameters == {
        "diagnostic": "self_test", "request": asked.name[:8], **TEST, "reason": "noisy",
    }  # fmt: skip
    assert (ended.code, ended.actor) == ("diagnostic_ended", "agent:agent-1")
    assert ended.parameters["ended"] == "done"
    assert ended.parameters["detail"] == "passed"
    assert bench.announcer.news == []


def test_the_case_is_of_the_same_asset_and_of_ones_own_customer(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    other = bench.case(bench.machine(agent, serial="OTHER"))
    with refused("wrong-argument"):
        bench.ask(asset, case=other.number)
    held = Actor(name="li", role=Role.ENGINEER, customer="south")
    with pytest.raises(NotFound):
        bench.ask(asset, by=held)
    with pytest.raises(NotFound):
        bench.desk.asking.withdraw(bench.ask(asset).name, by=held, reason="", now_ms=NOON)


def test_withdrawing_ends_it_and_the_agent_hears_of_it_if_it_was_told(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    unsent, sent = bench.ask(asset), bench.sent(asset, K.INVENTORY)
    bench.nudged.clear()
    fresh = bench.ask(asset, K.READ_SENSORS)
    for one in (fresh, sent):
        ended = bench.desk.asking.withdraw(one.name[:10], by=LI, reason="wrong\nmachine", now_ms=NOON + 5)
        assert (ended.state, ended.detail) == (S.WITHDRAWN, "wrong machine")
    assert not bench.now(fresh).owed
    told = {one.id: one for one in bench.desk.telling.owed(agent.number, now_ms=NOON + 9)}
    assert set(told) == {unsent.id, sent.id}
    assert told[sent.id].expires_ms == NOON + 9, "nothing begins at or after its expiry"
    with refused("not-open"):
        bench.desk.asking.withdraw(sent.name, by=LI, reason="", now_ms=NOON)


def test_a_machine_withdraws_its_own_requests_only(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    own, other = bench.ask(asset, by=BOT), bench.ask(asset, K.BUNDLE)
    bench.desk.asking.withdraw(own.name, by=BOT, reason="", now_ms=NOON)
    with pytest.raises(NotAllowed):
        bench.desk.asking.withdraw(other.name, by=BOT, reason="", now_ms=NOON)


def awaiting(bench: DiagnosticBench, asset: int) -> str:
    asked = bench.sent(asset, K.BUNDLE)
    bench.report(asked, S.AWAITS_CONSENT, answer=b'{"files":[{"name":"dmesg.txt"}]}')
    return asked.name


def test_a_contact_consents_to_a_bundle_of_his_own_asset(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    name = awaiting(bench, asset)
    bench.nudged.clear()
    with pytest.raises(NotFound):
        bench.desk.asking.consent(name, by=EVA, who="", now_ms=NOON)
    agreed = bench.desk.asking.consent(name, by=ADA, who="somebody else", now_ms=NOON + 7)
    assert (agreed.consented_by, agreed.consented_ms) == ("ada", NOON + 7)
    assert bench.nudged == [agent.number]
    (told,) = bench.desk.telling.owed(agent.number, now_ms=NOON + 8)
    assert told.consented
    assert bench.desk.asking.consent(name, by=ADA, who="", now_ms=NOON + 9) == agreed
    assert bench.actions() == ["asked", "sent", "awaits_consent", "consented"]


def test_who_says_it_for_the_customer_names_him(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    name = awaiting(bench, asset)
    with refused("who-needed"):
        bench.desk.asking.consent(name, by=LI, who=" ", now_ms=NOON)
    assert bench.desk.asking.consent(name, by=LI, who="Wang Min", now_ms=NOON).consented_by == "Wang Min"
    assert bench.audits()[-1].actor == "li"
    with pytest.raises(NotAllowed):
        bench.desk.asking.consent(name, by=BOT, who="x", now_ms=NOON)


def test_who_does_not_agree_ends_it(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    name = awaiting(bench, asset)
    ended = bench.desk.asking.refuse(name, by=ADA, reason="too much", now_ms=NOON)
    assert (ended.state, ended.detail) == (S.WITHDRAWN, "consent_refused, too much")
    (told,) = bench.desk.telling.owed(agent.number, now_ms=NOON + 1)
    assert not told.consented
    assert told.expires_ms <= NOON + 1


def test_consent_is_for_a_bundle_that_waits_for_it(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset, K.BUNDLE)
    with refused("not-awaiting-consent"):
        bench.desk.asking.consent(asked.name, by=ADA, who="", now_ms=NOON)
    bench.report(asked, S.FAILED)
    with refused("not-open"):
        bench.desk.asking.consent(asked.name, by=ADA, who="", now_ms=NOON)


def test_a_contact_sees_bundles_and_nothing_else(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    bundle, log = bench.ask(asset, K.BUNDLE), bench.ask(asset)
    with bench.store.read() as tx:
        listed = bench.desk.asking.listed
        assert listed(tx, by=ADA, limit=10) == [bundle]
        assert listed(tx, by=EVA, limit=10) == []
        assert {one.id for one in listed(tx, by=LI, limit=10)} == {bundle.id, log.id}
        with pytest.raises(NotFound):
            bench.desk.asking.find(tx, log.name, by=ADA)


def test_a_disk_of_the_inventory_is_named_as_requests_name_it(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    with bench.store.read() as tx:
        ((name, shown),) = disks_of(tx, asset)
    assert (name, shown) == ("ST4000|ZC1", "Bay 3 ST4000 ZC1")
    assert DISK.serial in bench.ask(asset, K.SELF_TEST, arguments={"disk": name}, reason="r").target
