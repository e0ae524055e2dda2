"""Applying a receipt: what the collector has on disk leaves the spool. And letting go without one, as a loss."""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.airgap.ledger import Ledger, LedgerFile
from hardcase_agent.airgap.spools import SpoolDoor
from hardcase_agent.domain.errors import FileRefused
from hardcase_agent.uplink.airgap import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    released: int
    """Records that the spool still held and holds no more."""
    rejected: int
    """Records that the collector rejected, in all files so far."""


async def apply(receipt: Receipt, spool: SpoolDoor, book: LedgerFile) -> Applied:
    """Raises FileRefused for one that was applied before, or is older than one that was."""
    ledger = book.ledger
    if receipt.number == ledger.receipt:
        raise FileRefused(f"this receipt ({receipt.number}) was applied already")
    if receipt.number < ledger.receipt:
        raise FileRefused(f"this receipt ({receipt.number}) is older than the one applied last ({ledger.receipt})")
    before = {one.epoch: one for one in await spool.held()}
    marks = {one.epoch: one.through for one in receipt.epochs if one.epoch in before and one.through}
    await spool.acknowledge(marks, receipt.number)
    released = sum(
        max(0, min(through, before[epoch].newest) - max(before[epoch].oldest, ledger.of(epoch).taken + 1) + 1)
        for epoch, through in marks.items()
    )
    _note(ledger, receipt, set(before))
    # After the spool: killed in between, the receipt is applied again, which changes nothing.
    book.store()
    return Applied(released=released, rejected=sum(one.records_rejected for one in receipt.epochs))


def _note(ledger: Ledger, receipt: Receipt, held: set[bytes]) -> None:
    ledger.receipt = receipt.number
    for one in receipt.epochs:
        if one.epoch not in held:
            continue
        line = ledger.of(one.epoch)
        line.taken = max(line.taken, one.through)
        if one.number > line.number:
            # The ledger was lost: numbers go on where the collector saw them last.
            line.number, line.hash = one.number, one.hash.hex()
    ledger.keep(held)


async def forget(spool: SpoolDoor, book: LedgerFile) -> int:
    """Lets go of everything that was exported and that no receipt named; each record is a loss that travels."""
    lines = {bytes.fromhex(name): line for name, line in book.ledger.epochs.items()}
    return await spool.forget({epoch: line.exported for epoch, line in lines.items() if line.exported > line.taken})
