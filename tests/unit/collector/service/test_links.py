"""Links without login: hashed, one deed each, expiring, taken back, and not to be guessed."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.errors import IllegalAction, LinkRefused, NotFound
from hardcase_collector.domain.link import LinkAct, LinkPurpose, LinkState, NewLink
from hardcase_collector.domain.repair import ConsentChannel, Manner, QuoteState
from hardcase_collector.domain.visit import DispatchAction, DispatchState
from hardcase_collector.service.guesses import WINDOW_MS, WRONG_ALLOWED, Guesses
from hardcase_collector.service.link_making import hash_of

from tests.unit.collector.cases.bench import NOON
from tests.unit.collector.service.bench import ALL, DAI, DAY, ServiceBench, texts
from tests.unit.collector.service.conftest import Benches


@pytest.fixture
def asked(bench: ServiceBench) -> NewLink:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    return invited(bench)[0]


def invited(bench: ServiceBench, at: int = NOON) -> list[NewLink]:
    """Zhang Wei's first."""
    with bench.store.write() as tx:
        links = bench.desk.invite(tx, bench.case, by=DAI, now_ms=at)
    return sorted(links, key=lambda one: one.link.whom, reverse=True)


def test_every_contact_who_may_consent_gets_a_link_of_his_own(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    links = invited(bench)
    assert [one.link.whom for one in links] == ["Zhang Wei", "Liu Yang"]
    assert len({one.token for one in links}) == 2
    assert [one.link.language for one in links] == ["zh", "zh"]


def test_a_token_is_kept_nowhere_but_in_its_notification(bench: ServiceBench, asked: NewLink) -> None:
    assert asked.link.hash == hash_of(asked.token)
    with bench.store.read() as tx:
        assert asked.token not in texts(tx, bench.case)
        assert asked.token not in repr(tx.repairs.links(bench.case.id))
    sent = [url for url in bench.news_links() if asked.token in url]
    assert sent == [f"https://desk.example/links/{asked.token}"]


def test_opening_shows_what_it_is_about_and_changes_nothing(bench: ServiceBench, asked: NewLink) -> None:
    before = bench.case.version
    view = bench.open(asked)
    assert (view.state, view.acts, view.done) == (LinkState.OPEN, (LinkAct.CONSENT, LinkAct.REFUSE), None)
    assert view.proposal is not None
    assert (view.proposal.solution, view.whom, view.language) == ("replace the disk", "Zhang Wei", "zh")
    assert bench.case.version == before


def test_consent_by_link_is_the_customers_own_word(bench: ServiceBench, asked: NewLink) -> None:
    view = bench.click(asked, LinkAct.CONSENT, who="张伟", at=NOON + 7)
    assert (view.state, view.done, view.link.used_ms, view.repeated) == (
        LinkState.DONE,
        LinkAct.CONSENT,
        NOON + 7,
        False,
    )
    assert view.proposal is not None
    assert (view.proposal.decided_by, view.proposal.channel, view.proposal.recorded_by) == (
        "张伟",
        ConsentChannel.LINK,
        "",
    )
    assert bench.case.state is CaseState.CONSENTED
    assert bench.timeline("moved")[-1].actor == "Zhang Wei"


def test_a_second_click_says_what_was_done_and_changes_nothing(bench: ServiceBench, asked: NewLink) -> None:
    bench.click(asked, LinkAct.CONSENT)
    before = bench.case.version
    again = bench.click(asked, LinkAct.CONSENT, at=NOON + 9)
    assert (again.repeated, again.done, again.link.used_ms) == (True, LinkAct.CONSENT, NOON)
    assert bench.case.version == before
    with pytest.raises(IllegalAction):
        bench.click(asked, LinkAct.REFUSE, text="changed my mind")


def test_the_other_contacts_link_says_that_it_is_done(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    first, second = invited(bench)
    bench.click(first, LinkAct.REFUSE, text="not now")
    view = bench.open(second)
    assert (view.state, view.done, view.acts) == (LinkState.DONE, LinkAct.REFUSE, ())


def test_consent_accepts_the_quote_that_the_page_showed(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.quote()
    link = invited(bench)[0]
    shown = bench.open(link).quote
    assert shown is not None
    assert str(shown.total) == "2180.50"
    view = bench.click(link, LinkAct.CONSENT)
    assert view.quote is not None
    assert view.quote.state is QuoteState.ACCEPTED
    bench.act(CaseAction.START_REPAIR)


def test_a_link_without_its_quote_accepts_none(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose()
    bench.quote()
    link = bench.link(LinkPurpose.CONSENT, proposal)
    with pytest.raises(IllegalAction, match="name it"):
        bench.click(link, LinkAct.CONSENT)


def test_a_revision_takes_back_the_links_with_the_old_total(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.quote()
    old = invited(bench)[0]
    bench.quote(*ALL)
    assert bench.open(old).state is LinkState.REVOKED
    with pytest.raises(LinkRefused, match="taken back"):
        bench.click(old, LinkAct.CONSENT)


def test_a_quote_alone_is_accepted_where_the_consent_stands(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.consent()
    bench.quote()
    link = invited(bench)[0]
    assert bench.open(link).acts == (LinkAct.CONSENT, LinkAct.REFUSE)
    bench.click(link, LinkAct.CONSENT)
    assert bench.codes()[-1] == "quote_accepted"


def test_a_quote_that_ran_out_can_only_be_refused(benches: Benches) -> None:
    bench = benches("")
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose()
    quote = bench.quote(valid_ms=DAY)
    link = bench.link(LinkPurpose.CONSENT, proposal, quote=quote.id)
    assert bench.open(link, at=NOON + DAY).acts == (LinkAct.REFUSE,)


def test_a_link_ends_with_its_time(bench: ServiceBench, asked: NewLink) -> None:
    late = asked.link.expires_ms
    assert bench.open(asked, at=late - 1).state is LinkState.OPEN
    assert bench.open(asked, at=late).state is LinkState.EXPIRED
    with pytest.raises(LinkRefused, match="expired"):
        bench.click(asked, LinkAct.CONSENT, at=late)


def test_a_new_link_takes_back_the_persons_older_one(bench: ServiceBench, asked: NewLink) -> None:
    newer = invited(bench)[0]
    assert bench.open(asked).state is LinkState.REVOKED
    assert bench.open(newer).state is LinkState.OPEN


def test_a_link_can_be_taken_back(bench: ServiceBench, asked: NewLink) -> None:
    with bench.store.write() as tx:
        bench.desk.links.revoke(tx, bench.case, asked.link.id, by=DAI, now_ms=NOON)
    with pytest.raises(LinkRefused):
        bench.click(asked, LinkAct.CONSENT)
    with bench.store.write() as tx, pytest.raises(NotFound):
        bench.desk.links.revoke(tx, bench.case, 999, by=DAI, now_ms=NOON)


def test_a_case_that_went_on_leaves_the_link_void(bench: ServiceBench, asked: NewLink) -> None:
    bench.act(CaseAction.DEFER)
    view = bench.open(asked)
    assert (view.state, view.acts) == (LinkState.VOID, ())


def test_a_link_does_nothing_that_it_is_not_for(bench: ServiceBench, asked: NewLink) -> None:
    for act in set(LinkAct) - {LinkAct.CONSENT, LinkAct.REFUSE}:
        with pytest.raises(IllegalAction):
            bench.click(asked, act, score=5, text="x", who="x")
    assert bench.case.state is CaseState.PROPOSED


@pytest.mark.parametrize("token", ["", "x", "token-1", "a" * 10_000, "' OR 1=1 --"])
def test_what_is_no_token_is_unknown(bench: ServiceBench, asked: NewLink, token: str) -> None:
    with bench.store.read() as tx, pytest.raises(LinkRefused, match="unknown"):
        bench.desk.links.open(tx, token, NOON)


def test_who_guesses_too_often_waits(bench: ServiceBench, asked: NewLink) -> None:
    with bench.store.read() as tx:
        for _ in range(WRONG_ALLOWED):
            with pytest.raises(LinkRefused, match="unknown"):
                bench.desk.links.open(tx, "wrong", NOON, client="10.0.0.1")
        with pytest.raises(LinkRefused, match="too many"):
            bench.desk.links.open(tx, asked.token, NOON, client="10.0.0.1")
        bench.desk.links.open(tx, asked.token, NOON, client="10.0.0.2")
        bench.desk.links.open(tx, asked.token, NOON + WINDOW_MS, client="10.0.0.1")


def test_guessers_are_remembered_in_bounds() -> None:
    guesses = Guesses()
    for number in range(10_050):
        guesses.wrong(str(number), NOON)
    assert len(guesses._wrong) == 10_000


def test_an_engineer_goes_all_the_way_by_his_link(bench: ServiceBench) -> None:
    bench.engineer("wang")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.consent()
    link = bench.dispatch("wang").link
    view = bench.open(link)
    assert view.acts == (LinkAct.ACCEPT, LinkAct.DECLINE)
    assert (view.site["title"], view.site["rack"], view.site["unit"]) == ("Shanghai 1", "A01", 12)
    bench.click(link, LinkAct.ACCEPT, expected_ms=NOON + 3_600_000)
    assert bench.click(link, LinkAct.ACCEPT).repeated
    bench.click(link, LinkAct.ON_THE_WAY, at=NOON + 1)
    bench.click(link, LinkAct.ARRIVED, at=NOON + 2)
    assert bench.case.state is CaseState.REPAIRING
    done = bench.click(link, LinkAct.DONE, at=NOON + 3, text="disk replaced")
    assert (done.state, done.done, done.acts) == (LinkState.DONE, LinkAct.DONE, ())
    assert bench.case.state is CaseState.REPAIRED
    (visit,) = bench.visits()
    assert (visit.state, visit.result) == (DispatchState.DONE, "disk replaced")
    assert bench.timeline("arrived")[0].actor == "wang"


def test_his_arrival_without_consent_starts_nothing(bench: ServiceBench) -> None:
    bench.engineer("wang")
    bench.act(CaseAction.CONFIRM)
    bench.propose(Manner.ON_SITE)
    link = bench.dispatch("wang").link
    bench.click(link, LinkAct.ACCEPT)
    bench.click(link, LinkAct.ARRIVED)
    assert bench.case.state is CaseState.PROPOSED
    assert bench.codes()[-1] == "arrived"


def test_his_link_ends_with_the_visit_that_is_called_off(bench: ServiceBench) -> None:
    bench.engineer("wang")
    sent = bench.dispatch("wang")
    bench.step(sent.dispatch, DispatchAction.CANCEL, text="not needed")
    assert bench.open(sent.link).state is LinkState.VOID
