"""Agents without a network: their files go in, receipts and identities go out. Behind the control socket.

Joins `rpc/airgap.py` (what a file is, and whether it is true), `rpc/identity.py` (whose it is) and `ingest/by_file.py`
(taking it). Built by `app.py`; asked by `web/control/air_gap.py` on its threads, one file at a time.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from hardcase_collector import pki
from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import (
    FileDamaged,
    FileForeign,
    JoiningRefused,
    NotAllowed,
    NotFound,
    StoreFailed,
)
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.imports import REJECTED_TOLD, ImportedFile
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.ingest.by_file import FileIntake, Wish
from hardcase_collector.rpc import airgap as files
from hardcase_collector.rpc.identity import Peer, agent_of
from hardcase_collector.rpc.joining import Ask, Enrolled

WRITER_S = 120.0
"""A writer that does not come to a file within it is stuck."""
LATE = timedelta(days=90)
"""For so long after its certificate's end a file that was made before it is still taken."""
EPOCHS_TOLD = 64
"""Epochs of one receipt: those of the newest files."""
FILES_LOOKED_AT = 1000
BY_HAND = "file"
"""Stands for the address of a host whose request was carried here: it is in no network that a token may name."""
ROOTS_KEPT = 8
"""Fingerprints of CAs that one agent says it trusts: more than any rollover has."""

Result = TypeVar("Result")


class Authority(Protocol):
    """One CA of the collector's own."""

    @property
    def fingerprint(self) -> str:
        """SHA-256, hex."""

    @property
    def certificate_pem(self) -> bytes: ...
    @property
    def key_pem(self) -> bytes: ...
    def issued(self, certificate: x509.Certificate) -> bool: ...


class Roots(Protocol):
    """The collector's CAs: `roots.Roots`."""

    @property
    def own(self) -> Sequence[Authority]:
        """The one that issues now is the last."""

    def trusted(self) -> Sequence[str]:
        """SHA-256, hex, of what agents are told to trust: the own ones, or the site's."""

    def enrolment_of(self, certificate: x509.Certificate) -> int | None:
        """The enrolment that a client certificate was issued for."""


class Enrol(Protocol):
    """`rpc.joining.Enrolment`."""

    def enroll(self, ask: Ask, *, now_ms: int) -> Enrolled:
        """Raises JoiningRefused."""


@dataclass(frozen=True, slots=True)
class TakenFile:
    """What an import answers."""

    agent: str
    hostname: str
    file: ImportedFile
    made_late_ms: int
    """How long before the import the agent's clock says it was made; below 0: that clock is ahead."""


class AirGap:
    """`submit` runs work on the writer's thread."""

    def __init__(
        self,
        state: StateStore,
        intake: FileIntake,
        roots: Roots,
        *,
        submit: Callable[[Callable[[], TakenFile]], Future[TakenFile]],
        enrolment: Enrol,
        clock_ms: Callable[[], int],
    ) -> None:
        self._state = state
        self._intake = intake
        self._roots = roots
        self._submit = submit
        self._enrolment = enrolment
        self._clock_ms = clock_ms
        self._turn = threading.Lock()

    @property
    def largest(self) -> int:
        """Bytes of a file; nobody needs to read more of one."""
        return files.LARGEST_FILE

    # ------------------------------------------------------------------ in

    def take(self, data: bytes, *, by: str, accept_gap: bool, more: bool, customer: str | None) -> TakenFile:
        """One file, whole or not at all. Blocking.

        Raises FileRefused (which of), Cloned, NotBound; TemporaryError: nothing was kept, try again.
        """
        with self._turn:
            container = files.open_container(data, files.FileKind.EXPORT)
            head = files.export_head(container)
            agent, issuer = self._prove(container, head, customer)
            file = files.exported(container, head)
            wish = Wish(by=by, accept_gap=accept_gap, more=more, trusts=_told(head), issuer=issuer)
            now_ms = self._clock_ms()
            made_ms = file.greeting.clocks.wall_ms

            def work() -> TakenFile:
                taken = self._intake.take(agent, file, wish, now_ms=now_ms)
                return TakenFile(agent.id, agent.hostname, taken, now_ms - made_ms)

            try:
                return self._submit(work).result(WRITER_S)
            except TimeoutError:
                raise StoreFailed(f"the writer did not come to it within {WRITER_S:.0f} s; see the journal") from None

    def _prove(self, container: files.Container, head: files.ExportHead, customer: str | None) -> tuple[Agent, str]:
        """The agent it is from, and the fingerprint of the CA that issued its certificate.

        Raises FileForeign, FileTampered, FileDamaged.
        """
        ours = self._roots.own
        known = {*self._roots.trusted(), *(root.fingerprint for root in ours)}
        if not known & {one.hex() for one in head.collectors}:
            told = ", ".join(f"sha256:{one.hex()}" for one in head.collectors[:2]) or "nobody"
            raise FileForeign(f"it is for another collector, whose CA is {told}")
        certificate = _certificate(head.certificate_pem)
        try:
            issuer = next((root for root in ours if root.issued(certificate)), None)
        except pki.UNREADABLE:
            raise FileDamaged("its certificate cannot be read") from None
        if issuer is None:
            raise FileForeign("its certificate was not issued by this collector")
        files.prove(container, certificate.public_key())
        peer = Peer(
            _common_name(certificate),
            certificate.fingerprint(hashes.SHA256()).hex(),
            self._roots.enrolment_of(certificate),
        )
        if peer.agent_id != head.agent_id:
            raise FileForeign(f"it says to be of agent {head.agent_id}, and is signed by agent {peer.agent_id}")
        self._check_dates(certificate, head.hello.wall_ms)
        try:
            with self._state.read() as tx:
                agent = agent_of(tx.agents, peer)
        except NotAllowed as refusal:
            raise FileForeign(str(refusal)) from refusal
        if customer is not None and agent.customer != customer:
            raise FileForeign(f"its agent is not one of customer {customer}")
        return agent, issuer.fingerprint

    def _check_dates(self, certificate: x509.Certificate, made_ms: int) -> None:
        now = _moment(self._clock_ms())
        made = min(_moment(made_ms), now)
        if now > certificate.not_valid_after_utc + LATE or made > certificate.not_valid_after_utc:
            raise FileForeign(
                f"its agent's certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d}: give the host a new one "
                "by `hardcase-agent export --request`, then export again: its records are still there"
            )

    # ------------------------------------------------------------------ out

    def receipt(self, agent_id: str) -> bytes:
        """What of this agent is on disk, signed. Raises NotFound where no file of it was ever taken."""
        with self._state.read() as tx:
            agent = tx.agents.by_id(agent_id)
            if agent is None:
                raise NotFound("there is no agent {agent}", agent=agent_id)
            taken = tx.imports.of_agent(agent.number, limit=FILES_LOOKED_AT)
            if not taken:
                raise NotFound("no file of agent {agent} was taken yet", agent=agent_id)
            newest = _newest_of_each_epoch(taken)
            lines = [self._line(tx, agent, epoch, of_it) for epoch, of_it in newest.items()]
        receipt = files.Receipt(agent_id=agent.id, number=taken[0].number, made_ms=self._clock_ms(), lines=lines)
        signer = next((one for one in self._roots.own if one.fingerprint == agent.issuer), self._roots.own[-1])
        return files.receipt_file(receipt, signer.certificate_pem, signer.key_pem)

    def _line(self, tx: Transaction, agent: Agent, epoch: bytes, of_it: Sequence[ImportedFile]) -> files.ReceiptLine:
        told = [one for file in reversed(of_it) for one in file.rejections][:REJECTED_TOLD]
        return files.ReceiptLine(
            epoch=epoch,
            through=self._intake.stored(agent.number, epoch),
            number=of_it[0].file,
            hash=of_it[0].sha256,
            records_rejected=tx.imports.rejected(agent.number, epoch),
            rejected=[(one.sequence, one.status, one.detail) for one in told],
        )

    # ------------------------------------------------------------------ identities

    def enroll(self, request: str, token: str, *, by: str) -> Mapping[str, str]:
        """`request`: the file in base64. The answering file, and for whom it is.

        Raises FileDamaged, FileTampered, JoiningRefused.
        """
        try:
            data = base64.b64decode(request, validate=True)
        except (binascii.Error, ValueError):
            raise FileDamaged("the request is not base64") from None
        head, hash_ = files.identity_request(data)
        now_ms = self._clock_ms()
        ask = Ask(token=token, csr_pem=head.request.csr_pem, host=head.request.host, address=BY_HAND)
        try:
            enrolled = self._enrolment.enroll(ask, now_ms=now_ms)
        except JoiningRefused as refusal:
            self._audit(by, "agent.enrolment_refused", "", {"reason": str(refusal), "by": "file"}, now_ms)
            raise
        self._audit(by, "agent.enrolled_by_file", enrolled.agent.id, {"request": hash_.hex()}, now_ms)
        signer = self._roots.own[-1]
        answer = files.identity_answer(
            agent_id=enrolled.agent.id,
            certificate=enrolled.certificate,
            trust=enrolled.ca,
            request=hash_,
            made_ms=now_ms,
            ca_pem=signer.certificate_pem,
            key_pem=signer.key_pem,
        )
        return {
            "agent": enrolled.agent.id,
            "hostname": enrolled.agent.hostname,
            "ca_fingerprint": f"sha256:{signer.fingerprint}",
            "answer": base64.b64encode(answer).decode(),
        }

    def _audit(self, by: str, action: str, subject: str, facts: Mapping[str, Fact], now_ms: int) -> None:
        with self._state.write() as tx:
            tx.access.audit(at_ms=now_ms, actor=by, action=action, subject=subject, facts=facts)


def _newest_of_each_epoch(taken: Sequence[ImportedFile]) -> Mapping[bytes, list[ImportedFile]]:
    """Epoch -> its files, newest first."""
    found: dict[bytes, list[ImportedFile]] = {}
    for file in taken:
        if file.epoch in found or len(found) < EPOCHS_TOLD:
            found.setdefault(file.epoch, []).append(file)
    return found


def _told(head: files.ExportHead) -> str:
    return " ".join(one.hex() for one in head.collectors[:ROOTS_KEPT] if len(one) == 32)


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except pki.UNREADABLE:
        raise FileDamaged("there is no certificate in it") from None


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _moment(at_ms: int) -> datetime:
    # A clock that says the year 60,000 is as good as one that says 9999.
    return datetime.fromtimestamp(min(at_ms, 253_402_300_799_000) / 1000, UTC)
