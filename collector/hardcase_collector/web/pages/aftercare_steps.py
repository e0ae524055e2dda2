"""Steps of a vendor's repair, of the service report, and of asking whether it is really solved."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.case import CaseState
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.link import NewLink
from hardcase_collector.domain.repair import ConsentChannel, FollowUpState, RepairResult, ServiceReport
from hardcase_collector.service.follow_ups import Rating
from hardcase_collector.service.service_reports import ReportDraft, Signature
from hardcase_collector.service.vendors import VendorWord
from hardcase_collector.web.pages.steps import Doing, Field, FieldKind, Scene, Step

_RESULTS = tuple((str(one), f"result.{one}") for one in RepairResult)
_HEARD = (ConsentChannel.PHONE, ConsentChannel.MAIL, ConsentChannel.CHAT, ConsentChannel.IN_PERSON)
_CHANNELS = tuple((str(one), f"consent.{one}") for one in _HEARD)
_SCORES = tuple((str(score), f"score.{score}") for score in range(5, 0, -1))
_WRITABLE = frozenset({CaseState.REPAIRING, CaseState.REPAIRED, CaseState.VERIFYING, CaseState.CLOSED})


def _here(scene: Scene) -> bool:
    return scene.shop.service is not None


def _vendor_word(doing: Doing) -> VendorWord:
    answers = doing.answers
    return VendorWord(
        vendor=answers.line("vendor"),
        vendor_case=answers.line("vendor_case"),
        rma=answers.line("rma"),
        promised_ms=answers.when_ms("promised"),
        text=answers.text("text"),
    )


def _hand_over(doing: Doing) -> None:
    doing.desk.vendors.hand_over(doing.tx, doing.case, _vendor_word(doing), by=doing.by, now_ms=doing.now_ms)


def _vendor_says(doing: Doing) -> None:
    doing.desk.vendors.update(doing.tx, doing.case, _vendor_word(doing), by=doing.by, now_ms=doing.now_ms)


def _vendor_done(doing: Doing) -> None:
    result = doing.answers.needed("text")
    doing.desk.vendors.done(doing.tx, doing.case, result, by=doing.by, now_ms=doing.now_ms)


def _vendor_fields(scene: Scene) -> Sequence[Field]:
    known = scene.around.hand_off
    vendor = scene.around.terms.vendor if scene.around.terms else ""
    return (
        *(() if known else (Field(name="vendor", value=vendor),)),
        Field(name="vendor_case", value=known.vendor_case if known else ""),
        Field(name="rma", value=known.rma if known else ""),
        Field(name="promised", kind=FieldKind.WHEN),
        Field(name="text", kind=FieldKind.TEXT, label="case.note"),
    )


def _write(doing: Doing) -> None:
    answers = doing.answers
    draft = ReportDraft(
        found=answers.needed("found"), done=answers.needed("done"), result=answers.choice("result", RepairResult)
    )
    doing.desk.reports.write(doing.tx, doing.case, draft, by=doing.by, now_ms=doing.now_ms)


def _newest_report(doing: Doing) -> ServiceReport:
    written = doing.tx.repairs.service_reports(doing.case.id)
    if not written:
        raise NotFound("case {case} has no service report", case=doing.case.number)
    return written[-1]


def _send(doing: Doing) -> Sequence[NewLink]:
    return doing.desk.reports.send(doing.tx, doing.case, _newest_report(doing), by=doing.by, now_ms=doing.now_ms)


def _sign(doing: Doing) -> None:
    channel = ConsentChannel.PAGE if doing.outside else ConsentChannel.IN_PERSON
    signature = Signature(who=doing.answers.line("who"), channel=channel)
    doing.desk.reports.sign(doing.tx, doing.case, _newest_report(doing), signature, by=doing.by, now_ms=doing.now_ms)


def _unsigned(scene: Scene) -> bool:
    return _here(scene) and bool(scene.around.service_reports) and not scene.around.service_reports[0].signed_ms


def _ask(doing: Doing) -> Sequence[NewLink]:
    return doing.desk.follow_ups.ask(doing.tx, doing.case, by=doing.by, now_ms=doing.now_ms).links


def _rate(doing: Doing) -> None:
    own = doing.outside
    rating = Rating(
        who=doing.by.name if own else doing.answers.line("who"),
        channel=ConsentChannel.PAGE if own else doing.answers.choice("consent_channel", ConsentChannel),
        score=doing.answers.count("score"),
        comment=doing.answers.text("text"),
    )
    doing.desk.follow_ups.rate(doing.tx, doing.case, rating, by=doing.by, now_ms=doing.now_ms)


def _rate_fields(scene: Scene) -> Sequence[Field]:
    heard = (
        Field(name="who", required=True, label="field.who_customer"),
        Field(name="consent_channel", kind=FieldKind.CHOICE, required=True, choices=_CHANNELS, value="phone"),
    )
    return (
        Field(name="score", kind=FieldKind.CHOICE, required=True, choices=_SCORES, label="link.score"),
        *(() if scene.outside else heard),
        Field(name="text", kind=FieldKind.TEXT, label="link.text.rate"),
    )


def _open_question(scene: Scene) -> bool:
    """The repair is over, and nobody has said yet that it is really solved, or that he is to be left alone."""
    newest = next(iter(scene.around.follow_ups), None)
    settled = newest is not None and (
        newest.state is FollowUpState.DROPPED or (newest.state is FollowUpState.ANSWERED and not newest.low)
    )
    return _here(scene) and scene.case.state is CaseState.CLOSED and not scene.case.rehearsal and not settled


def _waits_for_answer(scene: Scene) -> bool:
    asked = any(one.state in (FollowUpState.DUE, FollowUpState.ASKED) for one in scene.around.follow_ups)
    return _open_question(scene) and asked


def _drop(doing: Doing) -> None:
    reason = doing.answers.needed("text")
    doing.desk.follow_ups.drop(doing.tx, doing.case, reason, by=doing.by, now_ms=doing.now_ms)


STEPS: Sequence[Step] = (
    Step(
        name="vendor_hand_over",
        deed=Deed.HAND_TO_VENDOR,
        offered=lambda scene: _here(scene) and scene.open and scene.around.hand_off is None,
        do=_hand_over,
        fields=_vendor_fields,
    ),
    Step(
        name="vendor_says",
        deed=Deed.HAND_TO_VENDOR,
        offered=lambda scene: _here(scene) and scene.open and scene.around.hand_off is not None,
        do=_vendor_says,
        fields=_vendor_fields,
    ),
    Step(
        name="vendor_done",
        deed=Deed.HAND_TO_VENDOR,
        offered=lambda scene: _here(scene) and scene.open and scene.around.hand_off is not None,
        do=_vendor_done,
        fields=lambda scene: (Field(name="text", kind=FieldKind.TEXT, label="field.vendor_result", required=True),),
    ),
    Step(
        name="report_write",
        deed=Deed.WRITE_SERVICE_REPORT,
        offered=lambda scene: _here(scene) and scene.case.state in _WRITABLE,
        do=_write,
        fields=lambda scene: (
            Field(name="found", kind=FieldKind.TEXT, label="link.found", required=True),
            Field(name="done", kind=FieldKind.TEXT, label="link.work", required=True),
            Field(name="result", kind=FieldKind.CHOICE, choices=_RESULTS, value="repaired", required=True),
        ),
    ),
    Step(name="report_send", deed=Deed.WRITE_SERVICE_REPORT, offered=_unsigned, do=_send),
    Step(
        name="report_sign",
        deed=Deed.SIGN_SERVICE_REPORT,
        offered=_unsigned,
        do=_sign,
        fields=lambda scene: (Field(name="who", required=True, label="field.who_signs"),),
    ),
    Step(
        name="follow_up_ask",
        deed=Deed.FOLLOW_UP,
        offered=lambda scene: _open_question(scene) and not scene.outside,
        do=_ask,
        main=True,
    ),
    Step(name="rate", deed=Deed.RATE, offered=_open_question, do=_rate, fields=_rate_fields),
    Step(
        name="follow_up_drop",
        deed=Deed.FOLLOW_UP,
        offered=lambda scene: _waits_for_answer(scene) and not scene.outside,
        do=_drop,
        fields=lambda scene: (Field(name="text", kind=FieldKind.TEXT, label="case.reason", required=True),),
        grave=True,
    ),
)
