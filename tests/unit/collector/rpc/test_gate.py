"""Two machines with one identity, what an agent is told of CAs, and refusals that are written once."""

from __future__ import annotations

from cryptography import x509
from hardcase_collector.domain.asset import Agent
from hardcase_collector.rpc.gate import AUDIT_EVERY_MS, CLONES, Entered, Gate
from hardcase_collector.rpc.identity import Peer
from hardcase_protos.v1 import telemetry_pb2

from tests.fakes.state import FakeStateStore

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
AGENT = Agent(
    id="a1", number=1, customer="north", hostname="web1", machine_id="m", dmi_uuid="", fingerprint="", enrolled_ms=1
)


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
    assert [made.held_by(1, boot) for boot in (A, A, B, B, C)] == [False] * 5
    assert not any(made.is_clone(1, boot) for boot in (A, B, C))


def test_an_older_boot_that_comes_back_proves_a_second_machine_and_the_later_one_is_the_copy() -> None:
    made = gate()
    made.held_by(1, A)
    made.held_by(1, B)
    assert made.held_by(1, A)
    assert made.is_clone(1, B)
    assert not made.is_clone(1, A)
    assert not made.is_clone(2, B)
    # It goes on by itself then, and after its own reboot.
    assert [made.held_by(1, boot) for boot in (A, C)] == [False, False]


def test_one_that_is_another_machine_each_time_fills_no_memory() -> None:
    made = gate()
    made.held_by(1, A)
    boots = [number.to_bytes(16, "big") for number in range(CLONES + 20)]
    for boot in boots:
        made.held_by(1, boot)
        assert made.held_by(1, A)
    assert sum(made.is_clone(1, boot) for boot in boots) == CLONES
    assert made.is_clone(1, boots[-1])


def test_agents_that_tell_no_boot_are_never_taken_for_two() -> None:
    made = gate()
    assert [made.held_by(1, boot) for boot in (A, b"", A, b"")] == [False] * 4


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
