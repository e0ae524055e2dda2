"""An agent that fell silent: is its host off, or on and without a voice? The desk asks before it opens a case for it.

Of the other silences none needs more than rules: a source's is judged only while its agent is heard, a BMC's own rules
tell of it, and what an agent, a BMC or a site takes with it is a storm of its own (`storms.py`, sheets).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from hardcase_collector.domain.finding import Change, Transition
from hardcase_collector.domain.ports import Transaction

AGENT_SILENT = "agent.silent"
LOOK_AGAIN_MS = 5 * 60_000
"""A machine that is off stays off for a while; one that comes back tells so itself at once."""


class HostPower(StrEnum):
    """What a BMC that somebody else asks says of the host."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


PowerOf = Callable[[Transaction, int, int], HostPower]
"""(transaction, asset, now in ms) -> what was read within the last moments; UNKNOWN where nobody asks a BMC."""


def nobody_asks(tx: Transaction, asset: int, now_ms: int) -> HostPower:
    return HostPower.UNKNOWN


def with_power(transition: Transition, tx: Transaction, power_of: PowerOf, *, now_ms: int) -> Transition:
    """A silent agent's finding with the fact `host_power`, where anybody knows it; any other as it is."""
    if transition.fault_class != AGENT_SILENT or transition.change is Change.CLEARED:
        return transition
    power = power_of(tx, transition.key.asset, now_ms)
    facts = {name: value for name, value in transition.evidence.items() if name != "host_power"}
    if power is not HostPower.UNKNOWN:
        facts["host_power"] = power.value
    return replace(transition, evidence=facts)


def host_is_off(transition: Transition) -> bool:
    return transition.fault_class == AGENT_SILENT and transition.evidence.get("host_power") == HostPower.OFF.value
