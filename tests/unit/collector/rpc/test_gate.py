"""Two machines with one identity, what an agent is told of CAs, and refusals that are written once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from hardcase_collector.domain.asset import Agent
from hardcase_collector.rpc.gate import AUDIT_EVERY_MS, CLONES, REMEMBERED, Entered, Gate
from hardcase_collector.rpc.identity import Peer
from hardcase_protos.v1 import telemetry_pb2

from tests.fakes.state import FakeStateStore

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
AGENT = Agent(
    id="a1", number=1, customer="north", hostname="web1", machine_id="m", dmi_uuid="", fingerprint="", enrolled_ms=1
)

OTHER = replace(AGENT, id="a2", number=2)


class Cas:
    """The old one, AA, is retiring; BB follows it."""

    retiring = "aa" * 32
    known: tuple[str, ...] = ("aa" * 32, "bb" * 32)

    def trust(self) -> bytes:
        return b"both"

    def trusted(self) -> tuple[str, ...]:
        return self.known

    def issuer_of(self, certificate: x509.Certificate) -> str:
        return ""


def gate(trust: Cas | None = None) -> Gate:
    return Gate(FakeStateStore(), enrolment_of=lambda _: None, trust=trust, insecure=False)  # type: ignore[arg-type]  # as StateStore


def test_a_machine_that_reboots_is_one_machine() -> None:
    made = gate()
    assert [made.held_by(AGENT, boot) for boot in (A, A, B, B, C)] == [False] * 5
    assert not any(made.is_clone(AGENT, boot) for boot in (A, B, C))


def test_an_older_boot_that_comes_back_proves_a_second_machine_and_the_later_one_is_the_copy() -> None:
    made = gate()
    made.held_by(AGENT, A)
    made.held_by(AGENT, B)
    assert made.held_by(AGENT, A)
    assert made.is_clone(AGENT, B)
    assert not made.is_clone(AGENT, A)
    assert not made.is_clone(OTHER, B)
    # It goes on by itself then, and after its own reboot.
    assert [made.held_by(AGENT, boot) for boot in (A, C)] == [False, False]


def restarted(found: Gate) -> tuple[Gate, Agent]:
    """Another collector over what this one wrote, and the agent as it reads it."""
    store = FakeStateStore()
    with store.write() as tx:
        kept = tx.agents.add(AGENT)
    found._state = store  # type: ignore[assignment]  # as StateStore
    found.keep_copies(kept.number, found.copies(AGENT))
    return gate(), store.data.agents[kept.number]


@pytest.mark.parametrize("order", [(B, A, B, A), (A, B, A, B)])
def test_after_a_restart_a_copy_is_still_the_copy_whoever_comes_first(order: tuple[bytes, ...]) -> None:
    made = gate()
    for boot in (A, B, A):
        made.held_by(AGENT, boot)
    later, agent = restarted(made)

    for boot in order:
        assert later.is_clone(agent, boot) == (boot == B)
        if not later.is_clone(agent, boot):
            assert not later.held_by(agent, boot)


def test_after_a_restart_a_copy_that_booted_is_found_again_and_the_first_is_not_accused() -> None:
    made = gate()
    for boot in (A, B, A):
        made.held_by(AGENT, boot)
    later, agent = restarted(made)

    assert [later.held_by(agent, boot) for boot in (C, A)] == [False, True]
    assert later.is_clone(agent, C)
    assert not later.is_clone(agent, A)


def test_what_is_written_down_of_a_copy_is_what_was_found_however_many_came_since() -> None:
    made, store = gate(), FakeStateStore()
    with store.write() as tx:
        kept = tx.agents.add(AGENT)
    made._state = store  # type: ignore[assignment]  # as StateStore
    for boot in (A, B, A):
        made.held_by(AGENT, boot)
    copies = made.copies(AGENT)
    for number in range(REMEMBERED):
        made.held_by(replace(AGENT, number=number + 2), A)
    made.keep_copies(kept.number, copies)
    assert gate().is_clone(store.data.agents[kept.number], B)


def test_a_machine_that_is_enrolled_anew_is_no_copy_of_before() -> None:
    made = gate()
    for boot in (A, B, A):
        made.held_by(AGENT, boot)
    later, agent = restarted(made)
    assert later.is_clone(agent, B)
    for collector, known in ((made, AGENT), (later, agent)):
        again = replace(known, enrolled_ms=known.enrolled_ms + 1)
        assert not collector.is_clone(again, B)
        assert not collector.held_by(again, B)


def test_one_that_is_another_machine_each_time_fills_no_memory() -> None:
    made = gate()
    made.held_by(AGENT, A)
    boots = [number.to_bytes(16, "big") for number in range(CLONES + 20)]
    for boot in boots:
        made.held_by(AGENT, boot)
        assert made.held_by(AGENT, A)
    assert sum(made.is_clone(AGENT, boot) for boot in boots) == CLONES
    assert made.is_clone(AGENT, boots[-1])


def test_agents_that_tell_no_boot_are_never_taken_for_two() -> None:
    made = gate()
    assert [made.held_by(AGENT, boot) for boot in (A, b"", A, b"")] == [False] * 4


def test_an_agent_is_told_what_it_does_not_trust_yet_and_to_renew_what_retires() -> None:
    made = gate(Cas())
    old = Entered(AGENT, Peer("a1", "f", 1, "aa" * 32))
    new = Entered(AGENT, Peer("a1", "f", 1, "bb" * 32))
    both = [bytes.fromhex("aa" * 32), bytes.fromhex("bb" * 32)]

    def told(entered: Entered, roots: list[bytes], streams: int = 1) -> telemetry_pb2.Trust | None:
        message = made.trust_message(entered, roots, streams=streams)
        return None if message is None else telemetry_pb2.CollectorMessage.FromString(message).trust

    first = told(old, both[:1], streams=2000)
    assert first is not None
    assert (first.ca_pem, first.renew, first.within_s) == (b"both", True, 1000)
    assert told(new, both) is None
    late = told(old, both)
    assert late is not None
    assert (late.renew, late.within_s) == (True, 1)
    missing = told(new, both[:1])
    assert missing is not None
    assert not missing.renew
    # An agent of before does not say, and would not understand.
    assert told(old, []) is None


def test_a_refusal_that_repeats_is_written_once_in_ten_minutes() -> None:
    made = gate()
    first = {"address": "10.0.0.7", "agent_id": "a1", "name": "cloned"}
    assert made.audit_due(**first, now_ms=0)
    assert not made.audit_due(**first, now_ms=AUDIT_EVERY_MS - 1)
    assert made.audit_due(address="10.0.0.8", agent_id="a1", name="cloned", now_ms=1)
    assert made.audit_due(**first, now_ms=AUDIT_EVERY_MS)
