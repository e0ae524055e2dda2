"""Damaged files of hosts without a network: exports, receipts, requests for an identity and their answers.

Half of the mutants are damaged as they lie on a stick: none may be taken. Half are damaged before they are signed, as
who holds a key could do: they are refused by name or taken, and what is taken makes sense. Run by `__main__.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from google.protobuf.message import DecodeError
from hardcase_agent.airgap import ledger
from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.event import Inventory, LossCause, SourceState, SourceStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.uplink import airgap, codec, keys
from hardcase_collector.domain.errors import CollectorError, FileRefused
from hardcase_collector.rpc import airgap as collector_files
from hardcase_protos.v1 import reading_pb2

from tests.fakes.carried import ENROLLED_MS, HOST, Desk, Host, moment, signed_export
from tests.fakes.collector import FakeCollector
from tests.fuzz.mutation import mutate
from tests.fuzz.running import Failure
from tests.fuzz.spoiling import spoil

_KINDS = ("export", "export", "export", "receipt", "request", "answer")


class Wrong(AssertionError):
    """Something was taken that must not be, or does not make sense."""


class Carried:
    """Files to damage, and the two sides that read them."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk()
        self.host = Host(self.desk, folder)
        self.host.sweep(3)
        self.host.event(7)
        disk = Part(component=Component.DISK, slot="1", model="ST4000", serial="ZC1")
        self.host.keep(Inventory(asset=HOST, source="smart.ata", parts=(disk,)))
        self.host.keep(SourceStatus(asset=HOST, source="smart.ata", state=SourceState.HUNG, detail="no answer"))
        self.host.spool._ledger.lost_unnumbered(9, LossCause.TOO_LARGE)
        (self.export,) = asyncio.run(self.host.files())
        self.pieces = _pieces(self.export)
        stored = self.host.spool.read(self.host.epoch, 1, max_records=100, max_bytes=1 << 20)
        self.records = [one.payload for one in stored]
        self.desk.take(self.export)
        self.receipt = self.desk.gap.receipt("a1")
        self.key_pem = keys.new_key_pem()
        self.request = airgap.identity_request(HOST, self.key_pem, self.host.now())
        signer = self.desk.roots.own[-1]
        self.ca_fingerprint = bytes.fromhex(signer.fingerprint)
        issued = signer.issue_client(
            keys.request_pem(self.key_pem, "web1"), "a1", enrolment=ENROLLED_MS, now=moment(self.desk.now_ms)
        )
        self.answer = collector_files.identity_answer(
            agent_id="a1",
            certificate=issued.certificate,
            trust=signer.certificate_pem,
            request=airgap.hash_of(self.request),
            made_ms=1,
            ca_pem=signer.certificate_pem,
            key_pem=signer.key_pem,
        )
        self._fresh()

    def _fresh(self) -> None:
        """A collector that has taken nothing, and knows the agent."""
        agent = self.host.agent
        self.desk.collector = FakeCollector()
        with self.desk.collector.state.write() as tx:
            tx.agents.add(replace(agent, fingerprint="", enrolled_ms=ENROLLED_MS))
        self.desk.restart()

    # ------------------------------------------------------------------ as it lies on the stick

    def on_the_stick(self, kind: str, chance: random.Random) -> None:
        original: bytes = getattr(self, kind)
        damaged = mutate(original, chance)
        if damaged == original:
            return
        try:
            self._read(kind, damaged)
        except (CollectorError, AgentError):
            return
        raise Wrong(f"a damaged {kind} was taken")

    def _read(self, kind: str, data: bytes) -> None:
        match kind:
            case "export":
                try:
                    self.desk.take(data)
                except FileRefused:
                    self._nothing_was_kept()
                    raise
            case "receipt":
                airgap.read_receipt(data, self.host.identity)
            case "request":
                collector_files.identity_request(data)
            case _:
                airgap.read_answer(data, request=airgap.hash_of(self.request), ca_fingerprint=self.ca_fingerprint)

    def _nothing_was_kept(self) -> None:
        data = self.desk.collector.state.data
        if self.desk.frames() or data.marks or data.imports:
            raise Wrong("something of a refused file was kept")

    # ------------------------------------------------------------------ by who holds the key

    def before_it_was_signed(self, kind: str, chance: random.Random) -> None:
        if kind == "export":
            self._signed_export(chance)
            return
        original: bytes = getattr(self, kind)
        number = airgap.FileKind[kind.upper()]
        head = mutate(airgap._open(original, number).head, chance)
        key_pem = self.key_pem if kind == "request" else self.desk.roots.own[-1].key_pem
        try:
            if head:
                self._use(kind, airgap._seal(number, [head], key_pem))
        except (CollectorError, AgentError):
            return

    def _use(self, kind: str, data: bytes) -> None:
        if kind == "receipt":
            (self.host.folder / ledger.FILE).unlink(missing_ok=True)
            asyncio.run(self.host.receipt(data))
        else:
            self._read(kind, data)

    def _signed_export(self, chance: random.Random) -> None:
        pieces = self._damaged_records(chance) if chance.random() < 0.8 else self._damaged_pieces(chance)
        count = len(self.records)
        data = signed_export(self.host, [one for one in pieces if one], first=1, through=count, records=count)
        try:
            taken = self.desk.take(data, accept_gap=chance.random() < 0.2)
        except CollectorError:
            self._nothing_was_kept()
            return
        self._makes_sense(taken.file.through)
        self._fresh()

    def _damaged_pieces(self, chance: random.Random) -> list[bytes]:
        pieces = list(self.pieces)
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(pieces))
            pieces[at] = mutate(pieces[at], chance)
        if chance.random() < 0.2:
            chance.shuffle(pieces)
        if chance.random() < 0.2:
            pieces += chance.choices(pieces, k=chance.randint(1, 3))
        return pieces

    def _damaged_records(self, chance: random.Random) -> list[bytes]:
        """What is around them stays whole, so that the damage reaches the records."""
        records = list(self.records)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(records))
            record = reading_pb2.Record.FromString(records[at])
            if chance.random() < 0.3:
                damaged = mutate(records[at], chance)
                with contextlib.suppress(DecodeError):
                    # What is no record at all is refused with its piece; this is about those that are.
                    record = reading_pb2.Record.FromString(damaged)
            else:
                spoil(record, chance)
            records[at] = record.SerializeToString()
        return [codec.batch(list(enumerate(records, 1)), self.host.epoch)]

    def _makes_sense(self, through: int) -> None:
        collector = self.desk.collector
        frames = collector.telemetry.frames
        sequences = [one.sequence for one in frames]
        if sequences != sorted(set(sequences)) or any(not 1 <= one <= through for one in sequences):
            raise Wrong(f"frames out of order or beyond the file: {sequences}")
        for one in frames:
            if len(one.values) != one.catalogue.numbers * one.catalogue.value_width:
                raise Wrong("a frame that contradicts its catalogue")
            struct.unpack(f"<{len(one.gap_index) // 2}H", one.gap_index)
        marks = {mark.through for mark in collector.state.data.marks.values()}
        if marks != {through}:
            raise Wrong(f"marks {marks} of a file through {through}")


def _pieces(export: bytes) -> list[bytes]:
    return list(collector_files.open_container(export, collector_files.FileKind.EXPORT).pieces)


def run(mutants: Sequence[int], *, seed: int) -> list[Failure]:
    """Failures of these mutants; a mutant's number tells all that is random."""
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        carried = Carried(Path(folder))
        for number in mutants:
            chance = random.Random(f"carried:{seed}:{number}")
            kind = chance.choice(_KINDS)
            damage: Callable[[str, random.Random], None] = (
                carried.on_the_stick if number % 2 else carried.before_it_was_signed
            )
            try:
                damage(kind, chance)
            except Exception:
                failures.append(Failure("carried", kind, number, traceback.format_exc(limit=-5)))
                carried._fresh()
    return failures
