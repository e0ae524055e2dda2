"""After the repair (回访): is it really solved, 1 to 5? Asked until the customer is satisfied; a low score offers a
further look and tells the manager. Called by the pages, the control socket, `links.py` and the ticker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hardcase_collector.cases.actions import NOTE_KEPT, CaseActions, allowed
from hardcase_collector.cases.case_file import COLLECTOR, CaseFile, Occasion
from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.customer import Contact
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.link import LinkPurpose, NewLink
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.repair import ConsentChannel, FollowUp, FollowUpState, SatisfactionLine
from hardcase_collector.registry.resolution import contacts_of
from hardcase_collector.service.link_making import Addressee, LinkMaker
from hardcase_collector.service.served import served

ASK_AGAIN_MS = 3 * 86_400_000
"""After a low score: long enough that something was done about it, short enough that he remembers."""
BEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    who: str
    channel: ConsentChannel
    score: int
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    follow_up: FollowUp
    links: tuple[NewLink, ...]


class FollowUps:
    def __init__(self, announcer: Announcer, links: LinkMaker, actions: CaseActions) -> None:
        self._announcer = announcer
        self._links = links
        self._actions = actions

    def ask(self, tx: Transaction, case: Case, *, by: Actor, now_ms: int, names: Sequence[str] = ()) -> Asked:
        """Makes a link for each contact of the case (or those named). Raises IllegalAction, NotAllowed, NotFound."""
        allowed(tx, case, by, Deed.FOLLOW_UP)
        if case.state is not CaseState.CLOSED:
            raise IllegalAction(
                "case {case} is {state}: it is followed up once it is closed", case=case.number, state=case.state
            )
        contacts = _named(contacts_of(tx, tx.assets.by_number(case.asset)), names)
        return self._ask(tx, case, contacts, by=by.name, now_ms=now_ms)

    def _ask(self, tx: Transaction, case: Case, contacts: Sequence[Contact], *, by: str, now_ms: int) -> Asked:
        asked = replace(
            self._pending(tx, case, now_ms),
            state=FollowUpState.ASKED,
            asked_ms=now_ms,
            asked=", ".join(contact.name for contact in contacts),
        )
        tx.repairs.save_follow_up(asked)
        told: dict[str, Fact] = {"follow_up": asked.number, "asked": asked.asked}
        self._file(tx).change(case, "follow_up_asked", Occasion(now_ms=now_ms, actor=by), told)
        links = [
            self._links.make(
                tx,
                case,
                LinkPurpose.SATISFACTION,
                asked,
                Addressee(name=contact.name, language=contact.language, mail=contact.mail),
                by=by,
                now_ms=now_ms,
            )
            for contact in contacts
        ]
        return Asked(follow_up=asked, links=tuple(links))

    def rate(self, tx: Transaction, case: Case, rating: Rating, *, by: Actor, now_ms: int) -> FollowUp:
        """The customer's answer, by himself or as somebody heard it. Raises IllegalAction, NotAllowed."""
        allowed(tx, case, by, Deed.RATE)
        if case.state is not CaseState.CLOSED:
            raise IllegalAction(
                "case {case} is {state}: it is followed up once it is closed", case=case.number, state=case.state
            )
        if not 1 <= rating.score <= BEST:
            raise IllegalAction("satisfaction is a number from 1 to {best}", best=BEST)
        if not rating.who.strip():
            raise IllegalAction("say who at the customer said so")
        direct = rating.channel in (ConsentChannel.LINK, ConsentChannel.PAGE)
        answered = replace(
            self._pending(tx, case, now_ms),
            state=FollowUpState.ANSWERED,
            answered_ms=now_ms,
            score=rating.score,
            comment=rating.comment.strip()[:NOTE_KEPT],
            channel=rating.channel,
            recorded_by="" if direct else by.name,
            engineer=_repaired_by(tx, case),
            plan=served(tx, case).plan,
        )
        tx.repairs.save_follow_up(answered)
        told: dict[str, Fact] = {
            "follow_up": answered.number,
            "score": answered.score,
            "comment": answered.comment,
            "who": rating.who,
            "channel": str(rating.channel),
        }
        file, occasion = self._file(tx), Occasion(now_ms=now_ms, actor=by.name)
        changed = file.change(case, "followed_up", occasion, told)
        if answered.low:
            again = self._plan_next(tx, case, answered.number, now_ms + ASK_AGAIN_MS)
            team = tx.clocks.team(case.team) if case.team else None
            dissatisfied: dict[str, Fact] = {
                "score": answered.score,
                "engineer": answered.engineer,
                "manager": team.manager if team else "",
                "ask_again_ms": again.due_ms,
            }
            file.change(changed, "dissatisfied", occasion, dissatisfied)
        return answered

    def reopen(self, tx: Transaction, case: Case, reason: str, *, by: Actor, now_ms: int) -> None:
        """What a low score offers; whoever gave it may take it. Raises IllegalAction, NotAllowed."""
        allowed(tx, case, by, Deed.FOLLOW_UP)
        answers = [one for one in tx.repairs.follow_ups(case.id) if one.state is FollowUpState.ANSWERED]
        if not answers or not answers[-1].low:
            raise IllegalAction("case {case} was not answered with a low score", case=case.number)
        # He was asked whether it is solved, and his no is enough: no role of ours has to agree.
        self._actions.reopen(tx, case, reason=reason, actor=by.name, now_ms=now_ms)
        self._drop(tx, case)

    def drop(self, tx: Transaction, case: Case, reason: str, *, by: Actor, now_ms: int) -> None:
        """The customer wishes no further question. Raises IllegalAction, NotAllowed."""
        allowed(tx, case, by, Deed.FOLLOW_UP)
        if not reason.strip():
            raise IllegalAction("say why nobody is asked any more")
        if not self._drop(tx, case):
            raise IllegalAction("case {case} waits for no answer", case=case.number)
        tx.repairs.revoke_links(case.id, [LinkPurpose.SATISFACTION], now_ms=now_ms)
        told: dict[str, Fact] = {"reason": reason.strip()[:NOTE_KEPT], "dropped": True}
        self._file(tx).change(case, "follow_up_dropped", Occasion(now_ms=now_ms, actor=by.name), told)

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """Asks again whoever was not satisfied. Looks only at what is due."""
        for due in tx.repairs.follow_ups_due(until_ms=now_ms):
            case = tx.cases.get(due.case)
            if case.state is not CaseState.CLOSED or case.rehearsal:
                tx.repairs.save_follow_up(replace(due, state=FollowUpState.DROPPED))
                continue
            contacts = contacts_of(tx, tx.assets.by_number(case.asset))
            self._ask(tx, case, contacts, by=COLLECTOR, now_ms=now_ms)

    def statistics(
        self, tx: Transaction, *, customer: str | None, by: str, from_ms: int, until_ms: int
    ) -> Sequence[SatisfactionLine]:
        """`by`: engineer or plan."""
        return tx.repairs.satisfaction(customer=customer, by=by, from_ms=from_ms, until_ms=until_ms)

    def _pending(self, tx: Transaction, case: Case, now_ms: int) -> FollowUp:
        """The question that is open, or a new one."""
        asked = tx.repairs.follow_ups(case.id)
        if asked and asked[-1].state in (FollowUpState.DUE, FollowUpState.ASKED):
            return asked[-1]
        return self._plan_next(tx, case, len(asked), now_ms)

    def _plan_next(self, tx: Transaction, case: Case, so_far: int, due_ms: int) -> FollowUp:
        state = FollowUpState.DUE
        return tx.repairs.add_follow_up(FollowUp(case=case.id, number=so_far + 1, state=state, due_ms=due_ms))

    def _drop(self, tx: Transaction, case: Case) -> bool:
        waiting = [
            one for one in tx.repairs.follow_ups(case.id) if one.state in (FollowUpState.DUE, FollowUpState.ASKED)
        ]
        for one in waiting:
            tx.repairs.save_follow_up(replace(one, state=FollowUpState.DROPPED))
        return bool(waiting)

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)


def _named(contacts: Sequence[Contact], names: Sequence[str]) -> Sequence[Contact]:
    """Raises NotFound."""
    unknown = set(names) - {contact.name for contact in contacts}
    if unknown:
        raise NotFound("{unknown} is no contact for this asset", unknown=sorted(unknown))
    return [contact for contact in contacts if not names or contact.name in names]


def _repaired_by(tx: Transaction, case: Case) -> str:
    """Whoever came last, else whoever the case is with."""
    came = [one for one in tx.repairs.dispatches(case.id) if one.arrived_ms]
    return came[-1].engineer if came else case.assignee
