"""Advice: every fault class has it in both languages, and the safety check looks at the live state."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.advice import Firing, LiveState, Safety, Urgency, warnings
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.sheet import RuleBook
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.rules.sheet_values import LANGUAGES

DISK = Part(component="disk", slot="Bay 3", model="ST4000", serial="ZC1")
ARRAY = Part(component="raid", slot="md0")
PSU = Part(component="psu", slot="PSU 1")


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return load_sheets()


def live(*firing: tuple[str, Part], **more: bool) -> LiveState:
    return LiveState(firing=tuple(Firing(name, part, Severity.MAJOR) for name, part in firing), **more)


def test_every_fault_class_has_advice(book: RuleBook) -> None:
    assert set(book.classes) - set(book.advice) == set()


def test_every_safety_check_has_a_text(book: RuleBook) -> None:
    assert set(book.safety) == set(Safety)


@pytest.mark.parametrize("language", LANGUAGES)
def test_advice_is_said_in_both_languages(book: RuleBook, language: str) -> None:
    for fault_class in book.classes:
        counsel = book.counsel(DISK, [fault_class], LiveState(silent=True))
        assert counsel is not None
        said = counsel.said(language)
        assert said["confirm"]
        assert said["steps"]
        assert said["safety"]


def test_a_failing_disk_must_not_be_pulled_out_of_a_degraded_array(book: RuleBook) -> None:
    counsel = book.counsel(DISK, ["disk.predicted"], live(("raid.degraded", ARRAY)))
    assert counsel is not None
    assert next((one.safety, one.urgency) for one in counsel.warned) == (Safety.ARRAY_DEGRADED, Urgency.STOP)
    (told,) = [one for one in counsel.said("en")["safety"] if one["check"] == "array_degraded"]  # type: ignore[attr-defined]  # JSON
    assert "md0" in told["text"]
    assert "{" not in told["text"]


def test_the_disk_that_the_array_dropped_is_the_one_to_pull(book: RuleBook) -> None:
    counsel = book.counsel(DISK, ["disk.failed"], live(("raid.degraded", ARRAY), ("disk.failed", DISK)))
    assert counsel is not None
    assert not [one for one in counsel.warned if one.urgency is Urgency.STOP]


def test_a_disk_of_which_the_slot_is_not_known_is_not_to_be_guessed() -> None:
    nowhere = Part(component="disk", model="ST4000", serial="ZC1")
    (told,) = warnings(nowhere, ["disk.failed"], [Safety.SLOT_UNKNOWN], LiveState())
    assert (told.urgency, told.about) == (Urgency.STOP, "ZC1")
    assert warnings(DISK, ["disk.failed"], [Safety.SLOT_UNKNOWN], LiveState()) == ()


def test_a_power_supply_is_not_pulled_while_the_other_has_a_fault() -> None:
    other = live(("psu.input_lost", Part(component="psu", slot="PSU 2")))
    (told,) = warnings(PSU, ["psu.failed"], [Safety.OTHER_SUPPLY], other)
    assert (told.urgency, told.about) == (Urgency.STOP, "PSU 2")
    own = live(("psu.failed", Part(component="psu", slot="PS1")))
    assert warnings(PSU, ["psu.failed"], [Safety.OTHER_SUPPLY], own) == ()


def test_an_old_picture_of_the_machine_is_told_whatever_the_sheet_asks() -> None:
    (told,) = warnings(PSU, ["psu.failed"], [], LiveState(silent=True))
    assert (told.safety, told.urgency) == (Safety.STATE_OLD, Urgency.STOP)


def test_what_forbids_comes_before_what_is_to_be_minded() -> None:
    state = live(("raid.degraded", ARRAY), ("disk.failed", Part(component="disk", slot="Bay 4")), arrays_seen=False)
    told = warnings(DISK, ["disk.predicted"], [Safety.OTHER_DISK, Safety.ARRAYS_UNSEEN, Safety.ARRAY_DEGRADED], state)
    assert [one.urgency for one in told] == [Urgency.STOP, Urgency.CAUTION, Urgency.CAUTION]


def test_advice_is_on_what_is_worst_now_not_on_what_came_first(book: RuleBook) -> None:
    state = LiveState(
        firing=(Firing("disk.media", DISK, Severity.MINOR), Firing("disk.failed", DISK, Severity.CRITICAL))
    )
    counsel = book.counsel(DISK, ["disk.media", "disk.failed"], state)
    assert counsel is not None
    assert counsel.advice is book.advice["disk.failed"]


def test_a_drive_that_calls_itself_failed_stays_while_the_array_lives_by_it(book: RuleBook) -> None:
    gone = Part(component="disk", slot="Bay 7", serial="ZC7")
    for lost in ("disk.missing", "disk.failed"):
        state = live(("raid.degraded", ARRAY), ("disk.failed", DISK), (lost, gone))
        counsel = book.counsel(DISK, ["disk.failed"], state)
        assert counsel is not None
        assert (Safety.ARRAY_DEGRADED, Urgency.STOP) in {(one.safety, one.urgency) for one in counsel.warned}


def test_a_member_that_is_left_of_a_degraded_array_is_not_the_one_to_pull(book: RuleBook) -> None:
    counsel = book.counsel(DISK, ["raid.member"], live(("raid.member", DISK)))
    assert counsel is not None
    assert (Safety.ARRAY_DEGRADED, Urgency.STOP) in {(one.safety, one.urgency) for one in counsel.warned}


def test_an_array_itself_is_nothing_to_pull(book: RuleBook) -> None:
    counsel = book.counsel(ARRAY, ["raid.degraded"], live(("raid.degraded", ARRAY)))
    assert counsel is not None
    assert Safety.ARRAY_DEGRADED not in {one.safety for one in counsel.warned}


def test_lost_redundancy_is_no_fault_of_another_supply() -> None:
    lost = live(("psu.redundancy_lost", Part(component="psu", slot="PS Redundancy")), ("psu.failed", PSU))
    assert warnings(PSU, ["psu.failed"], [Safety.OTHER_SUPPLY], lost) == ()
