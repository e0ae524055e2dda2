"""A repair that is a vendor's: handed over, his numbers and promised date, done. Called like `visits.py`.

The text to copy into his form is `vendor_text.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.workflow import OPEN_STATES, Deed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.repair import HandOff
from hardcase_collector.service.served import served
from hardcase_collector.service.site_access import waiting_for

_NUMBER_KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorWord:
    """What a vendor says; "" and 0 = nothing new."""

    vendor: str = ""
    """ "" at handing over: the one of the entitlement, else the machine's."""
    vendor_case: str = ""
    rma: str = ""
    contract: str = ""
    promised_ms: int = 0
    text: str = ""


class Vendors:
    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def hand_over(self, tx: Transaction, case: Case, word: VendorWord, *, by: Actor, now_ms: int) -> HandOff:
        """A case is with one vendor at a time. Raises IllegalAction, NotAllowed."""
        allowed(tx, case, by, Deed.HAND_TO_VENDOR)
        if case.state not in OPEN_STATES:
            raise IllegalAction(
                "case {case} is {state}: there is nothing to hand over", case=case.number, state=case.state
            )
        for one in tx.repairs.hand_offs(case.id):
            if not one.done_ms:
                raise IllegalAction("case {case} is with {vendor} already", case=case.number, vendor=one.vendor)
        terms = served(tx, case)
        vendor = word.vendor.strip() or terms.vendor or tx.assets.by_number(case.asset).facts.vendor
        if not vendor:
            raise IllegalAction("say to which vendor")
        hand_off = tx.repairs.add_hand_off(
            _with(HandOff(case=case.id, vendor=vendor, contract=terms.contract, by=by.name, handed_ms=now_ms), word)
        )
        told: dict[str, Fact] = {
            "vendor": hand_off.vendor,
            "vendor_case": hand_off.vendor_case,
            "rma": hand_off.rma,
            "promised_ms": hand_off.promised_ms,
        }
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        self._file(tx).change(case, "handed_to_vendor", occasion, told, waiting=Waiting.VENDOR)
        return hand_off

    def update(self, tx: Transaction, case: Case, word: VendorWord, *, by: Actor, now_ms: int) -> HandOff:
        """His numbers, or another date. Raises IllegalAction, NotAllowed, NotFound."""
        allowed(tx, case, by, Deed.HAND_TO_VENDOR)
        before = open_hand_off(tx, case)
        if word == VendorWord():
            raise IllegalAction("say what is new")
        after = replace(_with(before, word), updated_ms=now_ms)
        tx.repairs.save_hand_off(after)
        told: dict[str, Fact] = {"vendor": after.vendor}
        for name in ("vendor_case", "rma", "promised_ms"):
            if getattr(after, name) != getattr(before, name):
                told[name] = getattr(after, name)
        if word.text.strip():
            told["text"] = word.text.strip()[:NOTE_KEPT]
        file, occasion = self._file(tx), Occasion(now_ms=now_ms, actor=by.name)
        changed = file.change(case, "vendor_update", occasion, told)
        if "promised_ms" in told and after.promised_ms:
            # What was promised at handing over is still owed: a later date is a forecast, not a new promise.
            expected: dict[str, Fact] = {"moment": "vendor_done", "time_ms": after.promised_ms, "who": after.vendor}
            file.change(changed, "expected", occasion, expected)
        return after

    def done(self, tx: Transaction, case: Case, result: str, *, by: Actor, now_ms: int) -> HandOff:
        """Raises IllegalAction, NotAllowed, NotFound."""
        allowed(tx, case, by, Deed.HAND_TO_VENDOR)
        kept = result.strip()[:NOTE_KEPT]
        if not kept:
            raise IllegalAction("say what the vendor did")
        after = replace(open_hand_off(tx, case), done_ms=now_ms, result=kept)
        tx.repairs.save_hand_off(after)
        told: dict[str, Fact] = {"vendor": after.vendor, "vendor_case": after.vendor_case, "result": kept}
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        self._file(tx).change(case, "vendor_done", occasion, told, waiting=waiting_for(tx, case))
        return after

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)


def open_hand_off(tx: Transaction, case: Case) -> HandOff:
    """Raises NotFound."""
    for one in tx.repairs.hand_offs(case.id):
        if not one.done_ms:
            return one
    raise NotFound("case {case} is with no vendor", case=case.number)


def _with(before: HandOff, word: VendorWord) -> HandOff:
    return replace(
        before,
        vendor_case=word.vendor_case.strip()[:_NUMBER_KEPT] or before.vendor_case,
        rma=word.rma.strip()[:_NUMBER_KEPT] or before.rma,
        contract=word.contract.strip()[:_NUMBER_KEPT] or before.contract,
        promised_ms=word.promised_ms or before.promised_ms,
    )
