"""A case's page: every legal step is offered to those who may, and taking it does what the desk does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hardcase_collector.cases.workflow import actions_for
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import CaseAction, CaseState, Waiting
from hardcase_collector.domain.spares import Depot, OrderState, PartOrder, Service, Spare
from hardcase_collector.domain.visit import DispatchState
from hardcase_collector.plans.frozen import terms_of
from hardcase_collector.web.pages.case import STEPS
from hardcase_collector.web.texts import LANGUAGES, messages

from tests.unit.collector.web.browsing import Browser, field_of, offered
from tests.unit.collector.web.night import Night

ACTIONS = {str(action) for action in CaseAction}
PEOPLE = {
    "root": Role.ADMINISTRATOR,
    "li": Role.ENGINEER,
    "mei": Role.DISPATCHER,
    "eve": Role.VIEWER,
    "north-contact": Role.CUSTOMER_CONTACT,
}


def signed_in(night: Night, name: str = "li") -> Browser:
    return Browser(night.pages()).sign_in(name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_and_every_timeline_code_of_the_night_has_a_word(night: Night, language: str) -> None:
    night.busy()
    known = messages(language)
    with night.store.read() as tx:
        codes = {entry.code for case in night.cases for entry in tx.cases.timeline(case.id)}

    assert [step.name for step in STEPS if f"action.{step.name}" not in known] == []
    assert [code for code in codes if f"timeline.{code}" not in known] == []


@pytest.mark.parametrize("name", PEOPLE)
def test_in_a_new_case_exactly_the_legal_actions_of_the_role_are_offered(night: Night, name: str) -> None:
    steps = offered(signed_in(night, name).text(f"/cases/{night.cases[0].number}"))
    legal = {str(action) for action in actions_for(CaseState.NEW, PEOPLE[name])}

    assert steps & ACTIONS == legal
    assert ("acknowledge" in steps) == (name not in ("eve", "north-contact"))
    assert ("dispatch" in steps) == (name in ("root", "mei"))


NEED_A_PROPOSAL = {"consent", "start_repair"}


@pytest.mark.parametrize("name", PEOPLE)
def test_in_every_state_the_page_offers_what_the_table_allows_the_role(night: Night, name: str) -> None:
    browser = signed_in(night, name)
    for state in CaseState:
        with night.store.write() as tx:
            tx.cases.save(replace(tx.cases.get(night.cases[0].id), state=state))
        legal = {str(action) for action in actions_for(state, PEOPLE[name])} - NEED_A_PROPOSAL
        if state is CaseState.PROPOSED:
            # There it is the customer's no, which has a form of its own.
            legal.discard("confirm")
        assert offered(browser.text(f"/cases/{night.cases[0].number}")) & ACTIONS == legal, state


def test_terms_that_are_unreadable_or_missing_are_said_and_the_rest_of_the_page_is_there(night: Night) -> None:
    case, browser = night.cases[1], signed_in(night)
    with night.store.write() as tx:
        kept = tx.clocks.terms(case.id)
        assert kept is not None
        tx.clocks.freeze(replace(kept, frozen="damaged"))
    page = browser.text(f"/cases/{case.number}")
    assert messages("zh")["case.terms_unreadable"] in page
    assert "acknowledge" in offered(page)
    assert case.number in browser.text("/cases")

    with night.store.write() as tx:
        bare = tx.cases.add(replace(case, number="HC-20200101-0001", part=replace(case.part, slot="Bay 99")))
    assert messages("zh")["case.no_terms"] in browser.text(f"/cases/{bare.number}")


def test_a_form_that_was_opened_before_anothers_proposal_does_not_replace_it(night: Night) -> None:
    first, second, number = signed_in(night), signed_in(night, "mei"), night.cases[0].number
    first.step(number, "confirm")
    opened = second.text(f"/cases/{number}")
    offer = {"solution": "replace it", "manner": "part"}
    assert first.step(number, "propose", **offer).status_code == 303

    told = second.step(number, "propose", **offer, instead_of=field_of(opened, "instead_of"))

    assert told.status_code == 409
    assert f"工单 {number} 已有 li 提出的方案 1" in told.text
    assert second.step(number, "propose", **offer, instead_of="1").status_code == 303


def test_a_step_that_is_not_his_is_refused_even_where_he_writes_the_form_himself(night: Night) -> None:
    browser = signed_in(night, "north-contact")

    assert browser.step(night.cases[0].number, "close", outcome="repaired").status_code == 403
    assert browser.step(night.cases[0].number, "assign", assignee="li").status_code in (403, 404)
    assert night.case(0).state is CaseState.NEW


def test_a_form_without_its_token_or_with_impossible_fields_changes_nothing(night: Night) -> None:
    browser, number = signed_in(night), night.cases[0].number

    assert browser.post(f"/cases/{number}", data={"action": "acknowledge"}).status_code == 403
    assert browser.step(number, "close", outcome="unheard-of").status_code == 400
    assert browser.step(number, "priority", priority="P1").status_code == 409
    assert browser.step(number, "agree", agreed="yesterday").status_code == 400
    assert browser.step(number, "note", text="x" * 2001).status_code == 400
    assert night.case(0).version == night.cases[0].version


def test_taking_assigning_weighing_and_pausing_stand_on_the_case(night: Night) -> None:
    browser, number = signed_in(night), night.cases[0].number
    for action, fields in (
        ("acknowledge", {}),
        ("take", {}),
        ("priority", {"priority": "P1", "text": "财务结账"}),
        ("contacted", {"channel": "phone", "text": "已告知"}),
        ("agree", {"agreed": "2026-11-24T04:00"}),
        ("pause", {"pause": "waiting_for_customer"}),
    ):
        assert browser.step(number, action, **fields).status_code == 303, action
    case = night.case(0)
    page = browser.text(f"/cases/{number}")

    assert (case.assignee, case.priority, case.waiting) == ("li", "P1", Waiting.CUSTOMER)
    assert "财务结账" in page
    assert "unpause" in offered(page)
    assert "2026-11-24 04:00:00 CST" in page
    assert browser.step(number, "unpause", pause="waiting_for_customer").status_code == 303
    assert night.case(0).waiting is Waiting.NOTHING


def test_from_proposal_to_satisfaction_through_pages_and_links(night: Night) -> None:
    """The fan in Berlin: its plan pays for it, the customer consents by link, the engineer answers by link."""
    browser, number = signed_in(night, "root"), night.cases[1].number
    stranger = Browser(night.pages(), language="en")
    browser.step(number, "acknowledge")
    browser.step(number, "confirm")
    assert browser.step(number, "propose", solution="Change the supply", manner="part").status_code == 303

    asked = browser.step(number, "ask_consent").text
    (consent,) = re.findall(r"https://desk\.example(/links/[^\"]+)", asked)
    page = stranger.text(consent)
    assert "Change the supply" in page
    assert "王敏" in page
    assert stranger.post(consent, data={"act": "consent", "who": "王敏"}).status_code == 200
    assert night.case(1).state is CaseState.CONSENTED
    assert "start_repair" in offered(browser.text(f"/cases/{number}"))

    sent = browser.step(number, "dispatch", engineer="zhao").text
    (visit,) = re.findall(r"https://desk\.example(/links/[^\"]+)", sent)
    assert "上海市浦东新区" in stranger.text(visit)
    for act, state in (("accept", "accepted"), ("on_the_way", "on_the_way"), ("arrived", "arrived")):
        assert stranger.post(visit, data={"act": act}).status_code == 200, act
        with night.store.read() as tx:
            assert tx.repairs.dispatches(night.cases[1].id)[-1].state == state
    assert night.case(1).state is CaseState.REPAIRING
    assert stranger.post(visit, data={"act": "done", "text": "更换完成"}).status_code == 200
    assert night.case(1).state in (CaseState.REPAIRED, CaseState.VERIFYING)

    wrote = browser.step(number, "report_write", found="No input", done="Supply changed", result="repaired")
    assert wrote.status_code == 303
    signing = browser.step(number, "report_send").text
    (signature,) = re.findall(r"https://desk\.example(/links/[^\"]+)", signing)
    assert stranger.post(signature, data={"act": "sign", "who": "王敏"}).status_code == 200
    assert browser.step(number, "close", outcome="repaired", text="ok").status_code == 303
    with night.store.read() as tx:
        (report,) = tx.repairs.service_reports(night.cases[1].id)
        assert report.signed_by == "王敏"


def test_satisfaction_is_asked_by_link_and_a_low_score_opens_the_case_again(night: Night) -> None:
    browser, stranger, number = signed_in(night, "root"), Browser(night.pages()), night.cases[0].number
    assert browser.step(number, "close", outcome="repaired").status_code == 303
    assert {"follow_up_ask", "rate"} <= offered(browser.text(f"/cases/{number}"))
    assert "rate" in offered(signed_in(night, "north-contact").text(f"/cases/{number}"))
    asked = browser.step(number, "follow_up_ask")
    (link,) = re.findall(r"https://desk\.example(/links/[^\"]+)", asked.text)

    assert night.cases[0].number in browser.text("/cases?all=1")
    assert "问题解决了吗" in stranger.text(link)
    assert stranger.post(link, data={"act": "rate", "score": "6"}).status_code == 400
    assert stranger.post(link, data={"act": "rate", "score": "2", "text": "又坏了"}).status_code == 200
    assert "★★☆☆☆" in browser.text(f"/cases/{number}")
    assert "又坏了" in browser.text(f"/cases/{number}")
    assert stranger.post(link, data={"act": "reopen"}).status_code == 400
    assert stranger.post(link, data={"act": "reopen", "text": "又坏了"}).status_code == 200
    assert night.case(0).state is CaseState.NEW


def test_who_is_content_or_wants_to_be_left_alone_is_not_asked_again(night: Night) -> None:
    browser = signed_in(night, "root")
    content, alone = night.cases[0].number, night.cases[2].number
    for number in (content, alone):
        browser.step(number, "close", outcome="repaired")
    assert browser.step(content, "rate", score="5", who="王敏", consent_channel="phone").status_code == 303
    browser.step(alone, "follow_up_ask")
    assert browser.step(alone, "follow_up_drop", text="No more mail").status_code == 303

    for number in (content, alone):
        assert not offered(browser.text(f"/cases/{number}")) & {"follow_up_ask", "rate", "follow_up_drop"}


def test_a_link_shows_what_it_needs_and_a_second_click_changes_nothing(night: Night) -> None:
    night.busy()
    browser, stranger = signed_in(night, "root"), Browser(night.pages())
    browser.step(night.cases[3].number, "confirm")
    browser.step(night.cases[3].number, "propose", solution="Change the fan", manner="part")
    nobody = browser.step(night.cases[3].number, "ask_consent")
    assert nobody.status_code == 409
    assert "Nobody in the books may consent" in nobody.text

    asked = browser.step(night.cases[0].number, "ask_consent")
    (consent,) = re.findall(r"https://desk\.example(/links/[^\"]+)", asked.text)
    page = stranger.text(consent)
    assert "更换 3 号槽位硬盘" in page
    for hidden in ("shanghai", "pdu-a", "升级", "/cases/", "/assets/"):
        assert hidden not in page, hidden
    assert stranger.post(consent, data={"act": "refuse", "who": "王敏"}).status_code == 400
    assert stranger.post(consent, data={"act": "consent"}).status_code == 400
    assert stranger.post(consent, data={"act": "consent", "who": "王敏"}).status_code == 200
    version = night.case(0).version
    again = stranger.post(consent, data={"act": "consent", "who": "王敏"})
    assert again.status_code == 200
    assert "此操作已完成" in again.text
    assert night.case(0).version == version


def test_opening_a_link_changes_nothing_and_a_wrong_one_tells_nothing(night: Night) -> None:
    night.busy()
    stranger = Browser(night.pages())
    asked = signed_in(night, "root").step(night.cases[0].number, "ask_consent")
    (consent,) = re.findall(r"https://desk\.example(/links/[^\"]+)", asked.text)
    version = night.case(0).version

    for _ in range(3):
        assert stranger.get(consent).status_code == 200
    assert night.case(0).version == version
    assert stranger.get("/links/token-0000").status_code == 404
    assert night.cases[0].number not in stranger.get("/links/token-0000").text
    assert stranger.get(consent).headers["referrer-policy"] == "no-referrer"
    assert stranger.post(consent, data={"act": "rate"}).status_code in (400, 409)


def test_a_quote_stands_with_its_reasons_and_is_accepted_with_the_consent(night: Night) -> None:
    night.busy()
    browser, number = signed_in(night, "root"), night.cases[4].number
    page = browser.text(f"/cases/{number}")

    assert "970.50 CNY" in page
    assert "start_repair" not in offered(page)
    assert "no plan" in page
    assert "quote" in offered(page)
    assert browser.step(number, "consent", who="Petra", consent_channel="phone").status_code == 303
    with night.store.read() as tx:
        assert tx.repairs.quotes(night.cases[4].id)[-1].decided_by == "Petra"
    assert night.case(4).state is CaseState.CONSENTED


def test_a_customers_contact_consents_himself_and_reads_nothing_internal(night: Night) -> None:
    night.busy()
    browser = signed_in(night, "north-contact")
    number = night.cases[0].number
    page = browser.text(f"/cases/{number}")

    assert {"consent", "refuse"} <= offered(page)
    assert "已升级" not in page
    assert "备件已在途" not in browser.text(f"/cases/{night.cases[2].number}")
    assert "备件已在途" in signed_in(night).text(f"/cases/{night.cases[2].number}")
    assert browser.step(number, "consent").status_code == 303
    with night.store.read() as tx:
        assert tx.repairs.proposals(night.cases[0].id)[-1].decided_by == "north-contact"


def test_the_ledger_explains_every_minute_of_every_clock(night: Night) -> None:
    page = signed_in(night).text(f"/cases/{night.cases[0].number}/clocks")

    for words in ("受理", "远程响应", "派遣", "到场", "超时", "计时", "2026-11-23 23:06:00 CST"):
        assert words in page, words


def test_the_ledger_is_a_file_for_spreadsheets_and_only_for_those_who_may_export(night: Night) -> None:
    path = f"/cases/{night.cases[0].number}/clocks.csv"
    given = signed_in(night).get(path)
    lines = given.content.decode("utf-8-sig").splitlines()

    assert given.headers["content-disposition"].endswith('-clocks.csv"')
    assert lines[0] == "case,clock,round,from,to,seconds,reason,counts,actor,provisional"
    assert lines[1].startswith(f"{night.cases[0].number},acknowledge,1,2026-11-23T23:06:00+08:00,")
    assert signed_in(night, "north-contact").get(path).status_code == 403


def test_a_machine_that_was_reported_without_a_name_we_know_is_named_later(night: Night) -> None:
    contact, browser = signed_in(night, "north-contact"), signed_in(night)
    page = contact.text("/report?q=the old one by the door")
    told = {
        "form_token": field_of(page, "form_token"), "key": field_of(page, "key"), "category": "disk.reported",
        "asset_told": "the old one by the door", "description": "It beeps", "channel": "web",
    }  # fmt: skip
    number = contact.post("/report", data=told).headers["location"].rpartition("/")[2]

    assert "identify" in offered(browser.text(f"/cases/{number}"))
    assert browser.step(number, "identify", machine="sh-").status_code == 409
    assert browser.step(number, "identify", machine="gz-erp-01").status_code == 409
    assert browser.step(number, "identify", machine="SH-VM-09").status_code == 303
    assert "sh-vm-09" in browser.text(f"/cases/{number}")
    assert "identify" not in offered(browser.text(f"/cases/{number}"))


def test_a_report_shows_what_is_known_and_joins_or_opens_once(night: Night) -> None:
    browser = signed_in(night, "north-contact")
    asset, number = night.assets[0], night.cases[0].number
    page = browser.text(f"/report?asset={asset}")
    form = {
        "form_token": field_of(page, "form_token"), "key": field_of(page, "key"), "asset": str(asset),
        "category": "disk.reported", "description": "<b>红灯</b> 常亮", "occurred": "2026-11-24T01:00",
    }  # fmt: skip

    assert "硬盘故障" in page
    joined = browser.post("/report", data={**form, "join": number})
    assert joined.headers["location"] == f"/cases/{number}"
    assert browser.post("/report", data={**form, "join": number}).headers["location"] == f"/cases/{number}"
    with night.store.read() as tx:
        (report,) = tx.reports.of_case(night.cases[0].id)
    assert (report.joined, report.channel) == (True, "web")
    shown = browser.get(f"/cases/{number}").text
    assert "&lt;b&gt;红灯&lt;/b&gt; 常亮" in shown

    fresh = browser.post("/report", data={**form, "category": "request.upgrade", "key": "another", "join": ""})
    opened = fresh.headers["location"]
    assert opened != f"/cases/{number}"
    assert browser.get(opened).status_code == 200


def test_a_machine_to_report_is_found_by_the_search_box_and_another_customers_is_not(night: Night) -> None:
    browser = signed_in(night, "north-contact")

    assert f"/report?asset={night.assets[0]}" in browser.text("/report?q=7ABC")
    assert "asset=" not in browser.text("/report?q=gz-erp").replace('name="asset', "")
    assert browser.get(f"/report?asset={night.assets[4]}").status_code == 404
    assert Browser(night.pages()).sign_in("eve").get("/report").status_code == 403


def test_files_go_up_within_their_limit_and_come_down_as_downloads_only(night: Night) -> None:
    browser, number = signed_in(night), night.cases[0].number
    token = field_of(browser.get(f"/cases/{number}").text, "form_token")
    png = b"\x89PNG\r\n\x1a\n" + bytes(200_000)

    def attach(name: str, content: bytes, **fields: str) -> int:
        files = {"file": (name, content, "application/octet-stream")}
        return browser.post(f"/attach/{number}", data={"form_token": token, **fields}, files=files).status_code

    assert attach("红灯.png", png) == 303
    assert attach("geheim.png", png + b"x", internal="1") == 303
    # Below what a vendor's bundle may have, above what any other file may.
    assert attach("big.png", png + bytes(1 << 20)) == 413
    assert attach("run.exe", b"MZ" + bytes(5000)) in (400, 409)
    assert attach("red.png", png, form_token="wrong") == 403
    page = browser.text(f"/cases/{number}")
    links = re.findall(r"/attachments/\d+", page)
    assert len(links) == 2
    given = browser.get(links[1])
    assert given.content == png
    assert given.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in given.headers["content-security-policy"]

    contact, other = signed_in(night, "north-contact"), signed_in(night, "south-contact")
    assert len(re.findall(r"/attachments/\d+", contact.text(f"/cases/{number}"))) == 1
    assert [contact.get(link).status_code for link in links] == [404, 200]
    assert [other.get(link).status_code for link in links] == [404, 404]


def test_a_vendor_takes_over_and_the_case_waits_for_him(night: Night) -> None:
    browser, number = signed_in(night, "root"), night.cases[0].number
    browser.step(number, "confirm")
    handed = browser.step(number, "vendor_hand_over", vendor_case="SR-1", rma="R-9", promised="2026-11-25T12:00")

    assert handed.status_code == 303
    assert night.case(0).waiting is Waiting.VENDOR
    page = browser.text(f"/cases/{number}")
    assert "SR-1" in page
    assert "vendor_done" in offered(page)
    assert browser.step(number, "vendor_done", text="Replaced").status_code == 303
    assert night.case(0).waiting is Waiting.NOTHING


def test_site_access_is_applied_for_and_approved_by_the_customer(night: Night) -> None:
    browser, number = signed_in(night), night.cases[0].number
    browser.step(number, "confirm")
    asked = browser.step(
        number, "access_apply", names="赵工\n李工", **{"from": "2026-11-24T09:00", "until": "2026-11-24T12:00"}
    )

    assert asked.status_code == 303
    contact = signed_in(night, "north-contact")
    assert "access_approve" in offered(contact.text(f"/cases/{number}"))
    assert contact.step(number, "access_approve", reference="A-77").status_code == 303
    assert "A-77" in browser.text(f"/cases/{number}")


def test_a_visit_that_is_declined_is_told_with_its_reason(night: Night) -> None:
    browser, number = signed_in(night, "root"), night.cases[0].number
    browser.step(number, "confirm")
    browser.step(number, "dispatch", engineer="li")
    assert "visit_decline" in offered(browser.text(f"/cases/{number}"))
    assert browser.step(number, "visit_decline").status_code in (400, 409)
    assert browser.step(number, "visit_decline", text="Flat tyre").status_code == 303
    with night.store.read() as tx:
        first = tx.repairs.dispatches(night.cases[0].id)[0]
    assert (first.state, first.reason) == (DispatchState.DECLINED, "Flat tyre")


def brought(night: Night, number: str) -> tuple[Browser, str, int]:
    """A visitor at the site's door: his browser, his link, and the order of the disk that is reserved for the case."""
    root, stranger = signed_in(night, "root"), Browser(night.pages(), language="en")
    with night.store.write() as tx:
        tx.spares.save_depot(Depot(name="pudong"))
        tx.spares.save_service(Service(depot="pudong", customer="north", site="", rank=1, travel_minutes=40))
        tx.spares.save_spare(Spare(part_number="0F9W8", component="disk", return_days=10))
        tx.spares.receive("pudong", "0F9W8", count=2, serials=["NEW1"])
    for action, fields in (
        ("acknowledge", {}),
        ("confirm", {}),
        ("propose", {"solution": "Change the disk", "manner": "part"}),
        ("consent", {"who": "wang", "consent_channel": "phone"}),
        ("part_request", {"part_number": "0F9W8"}),
    ):
        assert root.step(number, action, **fields).status_code == 303, action
    sent = root.step(number, "dispatch", engineer="zhao").text
    (visit,) = re.findall(r"https://desk\.example(/links/[^\"]+)", sent)
    with night.store.read() as tx:
        (order,) = tx.spares.orders_of(night.cases[0].id)
    for act in ("accept", "on_the_way"):
        assert stranger.post(visit, data={"act": act}).status_code == 200
    return stranger, visit, order.id


def order_of(night: Night, order: int) -> PartOrder:
    with night.store.read() as tx:
        return tx.spares.order(order, customer=None)


def test_an_engineer_tells_by_his_link_that_the_part_is_there_and_then_in_the_machine(night: Night) -> None:
    stranger, visit, order = brought(night, night.cases[0].number)
    assert f'name="part_{order}"' in stranger.text(visit)
    assert stranger.post(visit, data={"act": "arrived", f"part_{order}": "1"}).status_code == 200
    assert order_of(night, order).state is OrderState.RECEIVED

    page = stranger.text(visit)
    assert 'value="NEW1"' in page
    assert 'value="ZC16R0QX"' in page
    told = {"act": "done", "text": "changed", f"part_{order}": "1", f"serial_{order}": "NEW9"}
    assert stranger.post(visit, data={**told, f"old_serial_{order}": "NEW9"}).status_code == 409
    assert order_of(night, order).state is OrderState.RECEIVED
    assert night.case(0).state is CaseState.REPAIRING
    assert stranger.post(visit, data={**told, f"old_serial_{order}": "ZC16R0QX"}).status_code == 200
    done = order_of(night, order)
    assert (done.state, done.installed_by, done.new_serial, done.old_serial) == (
        OrderState.INSTALLED,
        "zhao",
        "NEW9",
        "ZC16R0QX",
    )
    assert stranger.post(visit, data={**told, f"old_serial_{order}": "OTHER"}).status_code == 200
    assert order_of(night, order).old_serial == "ZC16R0QX", "a second click changes nothing"


def test_a_part_without_a_slot_is_called_by_its_kind_in_the_engineers_language(night: Night) -> None:
    with night.store.write() as tx:
        tx.repairs.save_engineer(replace(tx.repairs.engineer("zhao"), language="zh"))
    stranger, visit, order = brought(night, night.cases[0].number)
    with night.store.write() as tx:
        held = tx.spares.order(order, customer=None)
        tx.spares.save_order(replace(held, slot=""), was=held.state)
    assert "<legend>\u786c\u76d8 0F9W8</legend>" in stranger.text(visit)


def test_a_part_from_the_boot_of_the_car_is_installed_with_one_click(night: Night) -> None:
    stranger, visit, order = brought(night, night.cases[0].number)
    stranger.post(visit, data={"act": "arrived"})
    assert order_of(night, order).state is OrderState.RESERVED
    assert stranger.post(visit, data={"act": "done", "text": "ok", f"part_{order}": "1"}).status_code == 200
    assert order_of(night, order).state is OrderState.INSTALLED


def test_a_link_moves_no_order_of_another_case(night: Night) -> None:
    stranger, visit, _ = brought(night, night.cases[0].number)
    with night.store.write() as tx:
        by = Actor(name="root", role=Role.ADMINISTRATOR, customer=None)
        other = night.orders.request(tx, tx.cases.get(night.cases[4].id), by=by, now_ms=night.now_ms)
    assert other.state is OrderState.RESERVED
    stranger.post(visit, data={"act": "arrived", f"part_{other.id}": "1"})
    stranger.post(visit, data={"act": "done", "text": "ok", f"part_{other.id}": "1", f"serial_{other.id}": "X"})
    assert order_of(night, other.id).state is OrderState.RESERVED


def test_on_the_timeline_a_plan_is_called_what_people_call_it(night: Night) -> None:
    night.busy()
    browser = signed_in(night)
    under = 0
    for case in night.cases:
        with night.store.read() as tx:
            terms = tx.clocks.terms(case.id)
            told = {str(entry.parameters["plan"]) for entry in tx.cases.timeline(case.id) if "plan" in entry.parameters}
        if terms is None or terms.plan not in told:
            continue
        under += 1
        page = browser.text(f"/cases/{case.number}")
        title = terms_of(terms).plan.title["zh" if '<html lang="zh' in page else "en"]
        assert f"<dd>{title}</dd>" in page
        assert f"<dd>{terms.plan}</dd>" not in page
    assert under
