"""The queue: what is due first, what it is narrowed to, what it counts, and the search box above it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hardcase_collector.cases.clockwork import clocks_of
from hardcase_collector.cases.time_left import as_of_now
from hardcase_collector.domain.service_terms import QueueFilter
from hardcase_collector.domain.visit import Dispatch, DispatchState
from hardcase_collector.web.pages import queue

from tests.unit.collector.web.browsing import Browser
from tests.unit.collector.web.night import HOUR, NOW, Night


def numbers(page: str) -> list[str]:
    """Of the cases listed, in their order."""
    return re.findall(r'<a class="strong" href="/cases/(HC-[0-9-]+)"', page)


def counts(page: str) -> dict[str, int]:
    found = re.findall(r'<a href="([^"]+)"[^>]*>([^<]+) <b>(\d+)</b></a>', page)
    return {words: int(count) for _, words, count in found}


def test_what_is_due_first_stands_first_and_what_has_no_clock_last(night: Night) -> None:
    page = Browser(night.pages()).sign_in("root").text("/cases")
    assert numbers(page) == [night.cases[at].number for at in (3, 2, 0, 5, 1, 4)]
    assert "1 d 5 h over" in page
    assert "18 min" in page
    assert "no clock" in page


def test_views_narrow_the_queue_and_say_how_many_there_are(night: Night) -> None:
    night.busy()
    browser = Browser(night.pages()).sign_in("li")
    page = browser.text("/cases")

    assert counts(page) == {
        "全部": 6, "我的": 1, "未分派": 5, "等待客户": 2, "等待备件": 1, "等待厂商": 0, "等待入室": 0,
    }  # fmt: skip
    assert numbers(browser.text("/cases?view=mine")) == [night.cases[0].number]
    assert set(numbers(browser.text("/cases?view=customer"))) == {night.cases[0].number, night.cases[4].number}
    assert numbers(browser.text("/cases?view=part")) == [night.cases[2].number]
    assert numbers(browser.text("/cases?view=vendor")) == []
    assert len(numbers(browser.text("/cases?view=unassigned"))) == 5
    assert numbers(browser.text("/cases?priority=P1")) == [night.cases[2].number]
    assert numbers(browser.text("/cases?site=ber1")) == [night.cases[3].number]


def test_a_visit_that_is_asked_of_me_makes_a_case_mine(night: Night) -> None:
    case = night.cases[1]
    before = counts(Browser(night.pages()).sign_in("li").text("/cases"))["我的"]
    with night.store.write() as tx:
        visit = tx.repairs.add_dispatch(
            Dispatch(
                case=case.id,
                number=1,
                engineer="li",
                state=DispatchState.REQUESTED,
                by="mei",
                requested_ms=case.opened_ms,
            )
        )
    li = Browser(night.pages()).sign_in("li")

    assert counts(li.text("/cases"))["我的"] == before + 1
    assert case.number in numbers(li.text("/cases?view=mine"))
    assert case.number not in numbers(Browser(night.pages()).sign_in("mei").text("/cases?view=mine"))

    with night.store.write() as tx:
        tx.repairs.save_dispatch(replace(visit, state=DispatchState.DONE))
    assert case.number not in numbers(li.text("/cases?view=mine"))


@pytest.mark.parametrize("hours", [-30, 0, 1, 9, 40, 100])
def test_what_is_left_is_the_same_counted_time_in_the_queue_and_on_the_case(night: Night, hours: int) -> None:
    now_ms = NOW + hours * HOUR
    with night.store.read() as tx:
        lines = as_of_now(tx, tx.clocks.queue(QueueFilter(customer=None)), now_ms)
        for line in lines:
            if line.clock is None or line.case.opened_ms > now_ms:
                continue
            (clock,) = (
                one
                for one in clocks_of(tx, line.case, now_ms)
                if (str(one.kind), one.round) == (line.clock.kind, line.clock.round)
            )
            assert (line.clock.left_ms, line.clock.due_ms) == (clock.left_ms, clock.due_ms), line.case.number


def test_links_of_views_keep_what_the_form_narrowed_to(night: Night) -> None:
    page = Browser(night.pages()).sign_in("root").text("/cases?priority=P2&view=unassigned")

    assert 'href="/cases?view=mine&priority=P2"' in page
    assert '<option value="P2" selected>' in page
    assert 'name="view" value="unassigned"' in page


def test_a_long_queue_goes_on_behind_its_last_line(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "LINES_SHOWN", 4)
    browser = Browser(night.pages()).sign_in("root")
    first = browser.text("/cases")
    (following,) = re.findall(r'<p class="pager"><a href="([^"]+)"', first)
    second = browser.text(following)

    assert len(numbers(first)) == 4
    assert len(numbers(second)) == 2
    assert not set(numbers(first)) & set(numbers(second))
    assert "pager" not in second


def test_a_customers_contact_sees_his_cases_and_none_of_our_work(night: Night) -> None:
    night.busy()
    page = Browser(night.pages()).sign_in("north-contact").text("/cases?view=mine")

    assert len(numbers(page)) == 5
    assert night.cases[5].number not in page
    assert "我的" not in page
    assert "上海值班" not in page


@pytest.mark.parametrize(
    "path", ["/cases?view=nonsense", "/cases?after=1.2", "/cases?after=a.b.c", "/cases?priority=P9"]
)
def test_a_wish_that_no_page_of_ours_wrote_harms_nothing(night: Night, path: str) -> None:
    assert Browser(night.pages()).sign_in("root").get(path).status_code in (200, 404)


@pytest.mark.parametrize(
    ("words", "machine"),
    [("10.1.0.11", 0), ("sh-db-01", 0), ("SH-DB-01", 0), ("7abc123", 0), ("B02", 3), ("gz-erp", 4), ("ZC1PPPPP", None)],
)
def test_the_search_box_goes_straight_to_the_only_hit(night: Night, words: str, machine: int | None) -> None:
    answer = Browser(night.pages()).sign_in("root").get("/search", params={"q": words})

    assert answer.status_code == 303
    if machine is None:
        assert answer.headers["location"] == f"/cases/{night.cases[4].number}"
    else:
        assert answer.headers["location"] == f"/assets/{night.assets[machine]}"


def test_a_case_number_leads_to_the_case_and_several_hits_to_a_list(night: Night) -> None:
    browser = Browser(night.pages()).sign_in("root")

    assert browser.get(f"/search?q={night.cases[0].number}").headers["location"] == f"/cases/{night.cases[0].number}"
    page = browser.text("/search?q=A07")
    assert "sh-db-01" in page
    assert "sh-web-17" in page
    assert "上海" not in page
    assert "U12" in page


def test_a_search_that_finds_nothing_says_so_and_is_never_markup(night: Night) -> None:
    browser = Browser(night.pages()).sign_in("root")

    assert "<img" not in browser.get("/search?q=<img src=x>").text.replace('<img src="/static', "")
    assert "Write at least two characters" in browser.text("/search?q=x")
    assert "Nothing of yours holds" in browser.text("/search?q=nowhere-to-be-found")


def test_a_search_finds_nothing_of_another_customer(night: Night) -> None:
    browser = Browser(night.pages()).sign_in("north-contact")

    for words in ("gz-erp-01", "9XYZ987", "10.7.0.5", "C11", "ZCSOUTH1", night.cases[5].number):
        answer = browser.get("/search", params={"q": words})
        assert answer.status_code == 200, words
        assert "/assets/" not in answer.text, words
        assert "/cases/" not in answer.text, words
