"""The service report (服务单): written after a visit or a repair, sent to the customer (the feedback stage), signed.

Its papers are kept by their hash as attachments of the case. What stands on them is `paper.py`. Called as `visits.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.readiness import newest_proposal, newest_quote
from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.link import LinkPurpose, NewLink
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.repair import ConsentChannel, Quote, RepairResult, ReplacedPart, ServiceReport
from hardcase_collector.domain.report import Attachment, EvidenceStore
from hardcase_collector.domain.visit import Dispatch
from hardcase_collector.registry.resolution import contacts_of
from hardcase_collector.service.link_making import Addressee, LinkMaker
from hardcase_collector.service.paper import Paper, Press, facts_of, gather

LANGUAGES = ("zh", "en")
_MEDIA = {"html": "text/html", "pdf": "application/pdf"}
_PARTS = 20

Titles = Callable[[str, str], str]
"""(fault class, language) -> its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDraft:
    """As whoever was there writes it."""

    found: str
    done: str
    result: RepairResult
    visit: int | None = None
    """Number of the visit; None: the last at which somebody arrived, if any."""
    engineer: str = ""
    """ "" = of the visit, else whoever writes it."""
    parts: tuple[ReplacedPart, ...] | None = None
    """None: those of the case's part orders that were installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    who: str
    """The typed name."""
    channel: ConsentChannel


class ServiceReports:
    def __init__(
        self, announcer: Announcer, links: LinkMaker, *, press: Press, evidence: EvidenceStore, titles: Titles
    ) -> None:
        self._announcer = announcer
        self._links = links
        self._press = press
        self._evidence = evidence
        self._titles = titles

    def write(self, tx: Transaction, case: Case, draft: ReportDraft, *, by: Actor, now_ms: int) -> ServiceReport:
        """Raises IllegalAction, NotAllowed, NotFound; StoreFailed and DiskFull where its papers cannot be kept."""
        allowed(tx, case, by, Deed.WRITE_SERVICE_REPORT)
        if case.state is CaseState.CANCELLED:
            raise IllegalAction("case {case} is cancelled: there is nothing to report", case=case.number)
        found, done = draft.found.strip()[:NOTE_KEPT], draft.done.strip()[:NOTE_KEPT]
        if not found or not done:
            raise IllegalAction("a service report says what was found and what was done")
        visit = _visit(tx, case, draft.visit)
        name = draft.engineer or (visit.engineer if visit else by.name)
        parts = _installed(tx, case) if draft.parts is None else draft.parts
        written = tx.repairs.service_reports(case.id)
        report = tx.repairs.add_service_report(
            ServiceReport(
                case=case.id,
                number=f"{case.number}-R{len(written) + 1}",
                dispatch=visit.id if visit else None,
                found=found,
                done=done,
                result=draft.result,
                engineer=_title(tx, name),
                parts=parts[:_PARTS],
                facts=gather(tx, case, visit, _agreed(tx, case), now_ms=now_ms).text(),
                by=by.name,
                made_ms=now_ms,
            )
        )
        report = self._keep(tx, case, report, by=by.name, now_ms=now_ms)
        told = {**_told(report), "result": str(report.result), "engineer": report.engineer}
        self._file(tx).change(case, "service_report", Occasion(now_ms=now_ms, actor=by.name), told)
        return report

    def send(
        self, tx: Transaction, case: Case, report: ServiceReport, *, by: Actor, now_ms: int, names: Sequence[str] = ()
    ) -> Sequence[NewLink]:
        """The feedback stage: each contact (or those named) gets a link to sign. Raises NotAllowed, NotFound."""
        allowed(tx, case, by, Deed.WRITE_SERVICE_REPORT)
        contacts = contacts_of(tx, tx.assets.by_number(case.asset))
        unknown = set(names) - {contact.name for contact in contacts}
        if unknown:
            raise NotFound("{unknown} is no contact for this asset", unknown=sorted(unknown))
        chosen = [contact for contact in contacts if not names or contact.name in names]
        tx.repairs.save_service_report(replace(report, sent_ms=now_ms))
        told: dict[str, Fact] = {**_told(report), "whom": ", ".join(contact.name for contact in chosen)}
        self._file(tx).change(case, "service_report_sent", Occasion(now_ms=now_ms, actor=by.name), told)
        return [
            self._links.make(
                tx,
                case,
                LinkPurpose.SIGNATURE,
                report,
                Addressee(name=contact.name, language=contact.language, mail=contact.mail),
                by=by.name,
                now_ms=now_ms,
            )
            for contact in chosen
        ]

    def sign(
        self, tx: Transaction, case: Case, report: ServiceReport, signature: Signature, *, by: Actor, now_ms: int
    ) -> ServiceReport:
        """Once; the signed papers are kept beside the unsigned ones. Raises IllegalAction, NotAllowed."""
        allowed(tx, case, by, Deed.SIGN_SERVICE_REPORT)
        if report.signed_ms:
            raise IllegalAction(
                "{report} is signed already by {signed_by}", report=report.number, signed_by=report.signed_by
            )
        who = signature.who.strip()
        if not who:
            raise IllegalAction("a signature is a name")
        signed = replace(report, signed_ms=now_ms, signed_by=who, channel=signature.channel)
        signed = self._keep(tx, case, signed, by=by.name, now_ms=now_ms)
        told: dict[str, Fact] = {**_told(signed), "who": who, "channel": str(signature.channel)}
        self._file(tx).change(case, "service_report_signed", Occasion(now_ms=now_ms, actor=by.name), told)
        return signed

    def print(self, report: ServiceReport, language: str, kind: str) -> bytes:
        """The paper as it is now. `kind`: html or pdf. Raises NotFound for another kind or language."""
        if kind not in _MEDIA or language not in LANGUAGES:
            raise NotFound("a service report is printed as html or pdf in {languages}", languages=LANGUAGES)
        facts = facts_of(report.facts)
        titles = {fault: self._titles(fault, language) for fault in facts.fault_classes}
        paper = Paper(report=report, facts=facts, titles=titles)
        return self._press.html(paper, language) if kind == "html" else self._press.pdf(paper, language)

    def _keep(self, tx: Transaction, case: Case, report: ServiceReport, *, by: str, now_ms: int) -> ServiceReport:
        """Its papers, by their hash; with the row, so that they are found again."""
        files = list(report.files)
        signed = "-signed" if report.signed_ms else ""
        for language in LANGUAGES:
            for kind, media in _MEDIA.items():
                content = self.print(report, language, kind)
                sha256 = self._receive(content)
                name = f"{report.number}-{language}{signed}.{kind}"
                tx.reports.attach(
                    Attachment(
                        id=0,
                        case=case.id,
                        sha256=sha256,
                        name=name,
                        media=media,
                        size=len(content),
                        attached_by=by,
                        at_ms=now_ms,
                    )
                )
                files.append(f"{name}={sha256}")
        kept = replace(report, files=tuple(files))
        tx.repairs.save_service_report(kept)
        return kept

    def _receive(self, content: bytes) -> str:
        incoming = self._evidence.receive()
        try:
            incoming.write(content)
            return incoming.keep()
        finally:
            incoming.drop()

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)


def report_of(tx: Transaction, case: Case, number: str) -> ServiceReport:
    """By its number, as "HC-20260101-0001-R1" or "R1" or "1"; "" = the newest. Raises NotFound."""
    ends = f"-R{number.rpartition('R')[2]}"
    found = [one for one in tx.repairs.service_reports(case.id) if not number or one.number.endswith(ends)]
    if not found:
        raise NotFound("case {case} has no such service report", case=case.number)
    return found[-1]


def _visit(tx: Transaction, case: Case, number: int | None) -> Dispatch | None:
    visits = tx.repairs.dispatches(case.id)
    if number is None:
        came = [one for one in visits if one.arrived_ms]
        return came[-1] if came else None
    for one in visits:
        if one.number == number:
            return one
    raise NotFound("case {case} has no visit {number}", case=case.number, number=number)


def _agreed(tx: Transaction, case: Case) -> Quote | None:
    """What the customer agreed to pay."""
    proposal = newest_proposal(tx, case)
    quote = newest_quote(tx, proposal) if proposal else None
    return quote if quote and quote.settled() else None


def _title(tx: Transaction, name: str) -> str:
    """As people call him, where he is in the book of engineers."""
    try:
        return tx.repairs.engineer(name).title
    except NotFound:
        return name


def _installed(tx: Transaction, case: Case) -> tuple[ReplacedPart, ...]:
    return tuple(
        ReplacedPart(
            name=" ".join(filter(None, (order.component, order.old.model))),
            slot=order.slot,
            part_number=order.part_number,
            old_serial=order.old_serial or order.old.serial,
            new_serial=order.new_serial,
        )
        for order in tx.spares.orders_of(case.id)
        if order.installed_ms
    )


def _told(report: ServiceReport) -> dict[str, Fact]:
    return {"report": report.number}
