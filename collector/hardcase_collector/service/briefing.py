"""What advice says for a proposal: steps, and what to mind in the live state of the asset. Used by `proposals.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hardcase_collector.domain.advice import Counsel, Live, Urgency
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.live import LiveOf
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.registry.resolution import contacts_of

Counsellor = Callable[[Case, Live], Counsel | None]
"""What to do about a case in the live state of its asset; None where no sheet says."""


@dataclass(frozen=True, slots=True)
class Brief:
    steps: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    unsafe: bool = False
    """Something forbids touching the part as things are."""


def brief(tx: Transaction, case: Case, counsellor: Counsellor, language: str, *, now_ms: int) -> Brief:
    counsel = counsellor(case, LiveOf(tx, case.asset, now_ms=now_ms))
    if counsel is None:
        return Brief()
    return Brief(
        steps=tuple(counsel.advice.steps[language]),
        risks=tuple(counsel.texts[one.safety][language].replace("{about}", one.about or "?") for one in counsel.warned),
        unsafe=any(one.urgency is Urgency.STOP for one in counsel.warned),
    )


def language_of(tx: Transaction, asset: Asset) -> str:
    """In which the customer is written to: his nearest contact's, else his own."""
    for contact in contacts_of(tx, asset):
        return contact.language
    customer = tx.registry.customer(asset.customer)
    return customer.language if customer else "en"
