"""Hosts that a person lets in or not, by tokens that say so. Called by `joining.py` in its transaction."""

from __future__ import annotations

from dataclasses import replace

from hardcase_protos.v1 import reading_pb2

from hardcase_collector.domain.errors import JoiningRefused
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.joining import MOST_WAITING, RefusalName, WaitingHost
from hardcase_collector.domain.ports import EnrolmentToken, Transaction

WAITING_POLL_MS = 15_000
"""Half of what agents wait at least between two looks whether they were approved: each look is a write."""


def wait(
    tx: Transaction,
    token: EnrolmentToken,
    host: reading_pb2.Asset,
    waiting: WaitingHost | None,
    *,
    key: str,
    address: str,
    now_ms: int,
) -> JoiningRefused:
    """Puts the host on the list, or keeps it there; what it is told. `waiting`: its place, where it has one."""
    if waiting is not None and waiting.decision == "refused":
        tx.access.save_waiting(replace(waiting, seen_ms=now_ms))
        because = f": {waiting.reason}" if waiting.reason else ""
        return JoiningRefused(RefusalName.REFUSED_BY_PERSON, f"{waiting.decided_by} refused this host{because}")
    if waiting is None and sum(one.token == token.hash for one in tx.access.waiting(customer=None)) >= MOST_WAITING:
        return JoiningRefused(
            RefusalName.TOO_MANY_WAITING,
            f"{MOST_WAITING} hosts wait for approval by this token; decide about them first",
        )
    if waiting is not None and 0 <= now_ms - waiting.seen_ms < WAITING_POLL_MS:
        wait_s = -(-(WAITING_POLL_MS - (now_ms - waiting.seen_ms)) // 1000)
        return JoiningRefused(
            RefusalName.TOO_MANY_ATTEMPTS,
            f"this host waits for approval as {waiting.id} and asked just now; ask again in {wait_s} s",
        )
    told = waiting or WaitingHost(
        token=token.hash,
        key=key,
        customer=token.customer,
        hostname=host.hostname,
        vendor=host.vendor,
        serial=host.serial,
        machine_id=host.machine_id,
        dmi_uuid=host.uuid,
        address=address,
        asked_ms=now_ms,
        seen_ms=now_ms,
    )
    tx.access.save_waiting(replace(told, seen_ms=now_ms, address=address))
    if waiting is None:
        facts: dict[str, Fact] = {"hostname": told.hostname, "serial": told.serial, "address": told.address, "key": key}
        tx.access.audit(at_ms=now_ms, actor=address, action="agent.waits", subject=told.id, facts=facts)
    return JoiningRefused(
        RefusalName.WAITING_FOR_APPROVAL,
        f"this host waits for approval as {told.id}; the key's fingerprint is sha256:{key}",
    )


def another_host(waiting: WaitingHost, host: reading_pb2.Asset) -> bool:
    """Whether a person approved other ids than the key names now: what he saw is what he let in."""
    seen = (waiting.vendor, waiting.serial, waiting.machine_id, waiting.dmi_uuid)
    return waiting.decision == "approved" and seen != (host.vendor, host.serial, host.machine_id, host.uuid)
