"""What a token asks of a host, and whether the host is known already. Called by `joining.py` in its transaction."""

from __future__ import annotations

from cryptography import x509
from hardcase_protos.v1 import reading_pb2

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import BadRecord, JoiningRefused
from hardcase_collector.domain.joining import RefusalName, listed, within
from hardcase_collector.domain.ports import EnrolmentToken, Transaction
from hardcase_collector.rpc.bounds import check_facts
from hardcase_collector.rpc.identity import site_identity
from hardcase_collector.rpc.records import facts_of

LIVE_MS = 150_000
"""An agent heard of within this time streams: its last word is written once a minute."""


def check_host(host: reading_pb2.Asset) -> None:
    """Raises JoiningRefused for words that are too long to be names."""
    try:
        check_facts(facts_of(host))
    except BadRecord as error:
        raise JoiningRefused(RefusalName.BAD_REQUEST, str(error)) from error


def check_conditions(token: EnrolmentToken, host: reading_pb2.Asset, address: str) -> None:
    """Raises JoiningRefused where the token is not for this host."""
    if not within(token.networks, address):
        raise JoiningRefused(
            RefusalName.NETWORK_NOT_ALLOWED,
            f"this token is for hosts of {', '.join(token.networks)}; this one asks from {address}",
        )
    if not listed(token.serials, host.serial):
        shown = host.serial.strip() or "it tells none"
        raise JoiningRefused(RefusalName.SERIAL_NOT_LISTED, f"this host's serial ({shown}) is not in the token's list")


def check_bound(
    tx: Transaction,
    token: EnrolmentToken,
    host: reading_pb2.Asset,
    brought: x509.Certificate | None,
    *,
    now_ms: int,
) -> Agent | None:
    """The agent this host was before. Raises JoiningRefused where the token does not reach that far."""
    known = _bound(tx, host, brought)
    if known is None:
        return None
    if known.customer != token.customer:
        raise JoiningRefused(RefusalName.OTHER_CUSTOMER, "this host belongs to another customer than the token")
    if token.replace:
        return known
    other = _differing(known, host)
    if other:
        raise JoiningRefused(
            RefusalName.CLONED,
            f"this host shares an id with {known.hostname} ({known.id}), and its {other} is another: an image that "
            "was cloned with its machine-id. Give it one of its own (rm /etc/machine-id; systemd-machine-id-setup), or "
            "make a token with --replace if it is the same machine with a new board",
        )
    since_s = (now_ms - known.last_seen_ms) // 1000
    if not known.revoked and not known.stopped_cleanly and since_s * 1000 < LIVE_MS:
        raise JoiningRefused(
            RefusalName.CLONED,
            f"this host's ids are those of {known.hostname} ({known.id}), which streams now (heard {since_s} s ago): a "
            "cloned image, or the same host with another key. Give a clone a machine-id of its own; for the same host "
            "make a token with --replace, its history is kept",
        )
    raise JoiningRefused(
        RefusalName.ALREADY_BOUND,
        f"this host is enrolled as {known.id}; make a token with --replace, its history is kept",
    )


def _bound(tx: Transaction, host: reading_pb2.Asset, brought: x509.Certificate | None) -> Agent | None:
    """The agent this host, or its own certificate, is known by; a host that tells neither id is known by none."""
    if brought is not None:
        named = tx.agents.by_id(site_identity(brought))
        if named is not None:
            return named
    if not host.machine_id and not host.uuid:
        return None
    return tx.agents.by_host(machine_id=host.machine_id, dmi_uuid=host.uuid)


def other_of_host(tx: Transaction, token: EnrolmentToken, host: reading_pb2.Asset, known: Agent | None) -> Agent | None:
    """Another agent than `known` that this host is enrolled as: where a certificate of the site moved here from
    another host, its name is of one and the ids of another. Raises JoiningRefused for another customer's."""
    if known is None:
        return None
    other = tx.agents.by_host(machine_id=host.machine_id, dmi_uuid=host.uuid)
    if other is None or other.number == known.number or other.revoked:
        return None
    if other.customer != token.customer:
        raise JoiningRefused(RefusalName.OTHER_CUSTOMER, "this host belongs to another customer than the token")
    return other


def check_same_host(agent: Agent, host: reading_pb2.Asset) -> None:
    """Raises JoiningRefused where a key that was answered before comes from another machine."""
    other = _differing(agent, host)
    if other:
        raise JoiningRefused(
            RefusalName.CLONED,
            f"this key belongs to {agent.hostname} ({agent.id}), whose {other} is another: a cloned image. Remove "
            "joining.key from the agent's state folder here, and join again",
        )


def _differing(agent: Agent, host: reading_pb2.Asset) -> str:
    """Which id of the host is not the one it was enrolled with; what was not told is not compared."""
    pairs = {"machine-id": (agent.machine_id, host.machine_id), "DMI UUID": (agent.dmi_uuid, host.uuid)}
    return next((name for name, (was, told) in pairs.items() if was and told and was.lower() != told.lower()), "")
