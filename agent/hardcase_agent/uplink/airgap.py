"""Files carried by hand instead of a stream: exports, receipts, requests for an identity and their answers, as bytes.

The other module that knows the messages, beside `codec.py`. Layout: protos/README.md. Needs the cryptography library,
so that only commands import it: the package `airgap/` writes, reads and applies such files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from google.protobuf.message import DecodeError
from hardcase_protos.v1 import airgap_pb2 as airgap
from hardcase_protos.v1 import enrolment_pb2 as enrolment
from hardcase_protos.v1 import reading_pb2 as reading
from hardcase_protos.v1 import telemetry_pb2 as telemetry

from hardcase_agent import __version__
from hardcase_agent.domain.errors import FileRefused
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.stream import Held, RecordKind, Stored
from hardcase_agent.uplink import codec, keys
from hardcase_agent.uplink.identity import Identity

MAGIC = b"HCAIRGAP"
VERSION = 1
READABLE = frozenset({1})
FULL_BYTES = 4 << 20
"""A file ends here; the collector takes twice that, because a single record may be 2 MiB."""
FULL_RECORDS = 8_000
LARGEST_ANSWER = 1 << 20
"""Bytes of a receipt or an answer: a receipt of 64 epochs with all the rejections it may tell is below that."""
READ_BYTES = 192 * 1024
READ_RECORDS = 1_000
_PROLOGUE = 12
_END = b"\x00\x00\x00\x00"

_UNREADABLE = (
    DecodeError,
    ValueError,
    TypeError,
    x509.InvalidVersion,
    UnsupportedAlgorithm,
    CryptographyDeprecationWarning,
)
"""What the libraries say of a head or a certificate that is none; the last only where warnings raise."""

FindCatalogue = Callable[[bytes], Awaitable[bytes | None]]
"""As `Backlog.catalogue`."""


class FileKind(IntEnum):
    EXPORT = 1
    RECEIPT = 2
    REQUEST = 3
    ANSWER = 4


_WORDS = {
    FileKind.EXPORT: "an export",
    FileKind.RECEIPT: "a receipt",
    FileKind.REQUEST: "a request for an identity",
    FileKind.ANSWER: "an answer to a request for an identity",
}


# ---------------------------------------------------------------------- the container


@dataclass(frozen=True, slots=True)
class Container:
    """A file without body, taken apart; nothing of it is proven yet."""

    head: bytes
    signed: bytes
    signature: bytes


def _seal(kind: FileKind, sections: Sequence[bytes], key_pem: bytes) -> bytes:
    parts = [MAGIC + bytes((VERSION, kind, 0, 0))]
    for section in sections:
        parts += (len(section).to_bytes(4, "little"), section)
    signed = b"".join(parts) + _END
    signature = keys.sign(key_pem, signed)
    return signed + len(signature).to_bytes(4, "little") + signature


def _open(data: bytes, kind: FileKind) -> Container:
    """Raises FileRefused, saying what is wrong with it."""
    if len(data) > LARGEST_ANSWER:
        raise FileRefused(f"it is larger than {LARGEST_ANSWER} bytes: no collector makes such a file")
    if data[:8] != MAGIC[: len(data)] or len(data) < _PROLOGUE:
        raise FileRefused("it is no file for an agent without a network, or little is left of it")
    if data[8] not in READABLE:
        raise FileRefused(f"its form has version {data[8]}, this release reads {sorted(READABLE)}: upgrade the agent")
    if data[9] != kind or data[10:12] != b"\x00\x00":
        known = next((_WORDS[one] for one in FileKind if one == data[9]), "a file of another kind")
        raise FileRefused(f"it is {known}, not {_WORDS[kind]}")
    head, at = _section(data, _PROLOGUE)
    body, at = _section(data, at)
    if body or not head:
        raise FileRefused("it is damaged: its head is empty, or it has a body")
    signature, end = _section(data, at)
    if end != len(data) or not signature:
        raise FileRefused("it is damaged: something follows after its end, or it is not signed")
    return Container(head, data[:at], signature)


def _section(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4 + int.from_bytes(data[at : at + 4], "little")
    if at + 4 > len(data) or end > len(data):
        raise FileRefused("it ends in the middle: it was cut short; copy it again")
    return data[at + 4 : end], end


def _prove(container: Container, certificate: x509.Certificate, whose: str) -> None:
    try:
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        key.verify(container.signature, container.signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise FileRefused(
            f"its signature is not that of its content: it was changed, or {whose} did not make it"
        ) from None


# ---------------------------------------------------------------------- exports


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a file stands among the agent's."""

    number: int
    previous: bytes
    ordinal: int
    earlier: tuple[tuple[bytes, int], ...]
    """Epochs exported before it, and through where."""


class ExportFile:
    """Records of one epoch on their way into one file."""

    def __init__(self, identity: Identity, introduction: codec.Introduction, epoch: bytes) -> None:
        self._identity = identity
        self._introduction = introduction
        self.epoch = epoch
        self._pieces: list[bytes] = []
        self._known: set[bytes] = set()
        self._size = 0
        self.first = self.through = self.records = 0

    @property
    def full(self) -> bool:
        return self._size >= FULL_BYTES or self.records >= FULL_RECORDS

    async def add(self, stored: Sequence[Stored], find: FindCatalogue) -> None:
        """Contiguous records, after all that were added before; and the catalogues their frames use."""
        for record in stored:
            used = _catalogue_of(record)
            if record.kind is not RecordKind.CATALOGUE and used and used not in self._known:
                payload = await find(used)
                if payload is not None:
                    self._piece(codec.catalogue_answer(payload))
            self._known.add(used)
        boot_id = self._introduction.boot_id
        self._piece(codec.batch([(one.sequence, codec.payload_for(one, boot_id)) for one in stored], self.epoch))
        self.first = self.first or stored[0].sequence
        self.through = stored[-1].sequence
        self.records += len(stored)

    def _piece(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def seal(self, place: Place, now: Moment) -> bytes:
        """The whole file, signed. `now`: the clocks by which the collector places the records in time."""
        held = (Held(epoch=self.epoch, oldest=self.first, newest=self.through),)
        hello = telemetry.AgentMessage.FromString(codec.hello(self._introduction, held, now)).hello
        head = airgap.ExportHead(
            agent_id=self._identity.agent_id,
            collectors=[one.fingerprint(hashes.SHA256()) for one in _certificates(self._identity.ca_pem)],
            certificate_pem=self._identity.certificate_pem.encode(),
            epoch=self.epoch,
            number=place.number,
            previous=place.previous,
            first=self.first,
            through=self.through,
            records=self.records,
            ordinal=place.ordinal,
            earlier=[telemetry.ResumePoint(epoch=epoch, through=through) for epoch, through in place.earlier],
            hello=hello,
        )
        return _seal(FileKind.EXPORT, [head.SerializeToString(), *self._pieces], self._identity.key_pem.encode())


def _catalogue_of(record: Stored) -> bytes:
    if record.kind is RecordKind.FRAME:
        return reading.Record.FromString(record.payload).frame.catalogue_id
    if record.kind is RecordKind.CATALOGUE:
        return reading.Record.FromString(record.payload).catalogue.id
    return b""


# ---------------------------------------------------------------------- receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenEpoch:
    epoch: bytes
    through: int
    number: int
    hash: bytes
    records_rejected: int
    rejected: tuple[tuple[int, str, str], ...]
    """Sequence, word of the status, detail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    number: int
    made_ms: int
    epochs: tuple[TakenEpoch, ...]


def read_receipt(data: bytes, identity: Identity) -> Receipt:
    """Proven to be for this agent and from the collector whose CA issued its certificate. Raises FileRefused."""
    container = _open(data, FileKind.RECEIPT)
    try:
        head = airgap.ReceiptHead.FromString(container.head)
        signer = x509.load_pem_x509_certificate(head.ca_pem)
    except _UNREADABLE:
        raise FileRefused("it is damaged: its head cannot be read") from None
    if not _trusted(signer, identity):
        raise FileRefused("it is of another collector than this host's")
    _prove(container, signer, "this host's collector")
    if head.agent_id != identity.agent_id:
        raise FileRefused(f"it is for agent {head.agent_id}, this one is {identity.agent_id}")
    if not head.number or any(len(one.epoch) != 16 for one in head.epochs):
        raise FileRefused("it contradicts itself: an epoch or its number is none")
    return Receipt(number=head.number, made_ms=head.made_ms, epochs=tuple(_taken(one) for one in head.epochs))


def _taken(one: airgap.TakenEpoch) -> TakenEpoch:
    return TakenEpoch(
        epoch=one.epoch,
        through=one.through,
        number=one.number,
        hash=one.hash,
        records_rejected=one.records_rejected,
        rejected=tuple((each.sequence, _status(each.status), each.detail) for each in one.rejected),
    )


def _status(number: telemetry.Rejection.Status.ValueType) -> str:
    try:
        return telemetry.Rejection.Status.Name(number).removeprefix("STATUS_").lower()
    except ValueError:
        # Of a later collector: which it is does not matter here.
        return "unknown"


def _trusted(signer: x509.Certificate, identity: Identity) -> bool:
    """The CA that issued this agent's own certificate, or one it was told to trust."""
    try:
        x509.load_pem_x509_certificate(identity.certificate_pem.encode()).verify_directly_issued_by(signer)
    except (*_UNREADABLE, InvalidSignature):
        return signer in _certificates(identity.ca_pem)
    return True


# ---------------------------------------------------------------------- identities


def identity_request(host: Asset, key_pem: bytes, now: Moment) -> bytes:
    """The file that asks for an identity; signed by the key the identity will be of."""
    request = enrolment.EnrollRequest(
        csr_pem=keys.request_pem(key_pem, host.hostname), host=codec.host_message(host), agent_version=__version__
    )
    head = airgap.IdentityRequestHead(request=request, wall_ms=max(0, now.wall_ms))
    return _seal(FileKind.REQUEST, [head.SerializeToString()], key_pem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What answers a request, proven."""

    agent_id: str
    certificate_pem: str
    ca_pem: str
    """What this agent trusts from now on."""


def read_answer(data: bytes, *, request: bytes, ca_fingerprint: bytes) -> Answered:
    """`request`: hash of the file that is answered. Raises FileRefused where the CA that signed it is not the one with
    the fingerprint, or did not issue the certificate in it."""
    container = _open(data, FileKind.ANSWER)
    try:
        head = airgap.IdentityAnswerHead.FromString(container.head)
        signer = x509.load_pem_x509_certificate(head.ca_pem)
        certificate = x509.load_pem_x509_certificate(head.reply.certificate_pem)
        told = (head.reply.certificate_pem.decode("ascii"), head.reply.ca_pem.decode("ascii"))
    except _UNREADABLE:
        raise FileRefused("it is damaged: its head cannot be read") from None
    shown = signer.fingerprint(hashes.SHA256())
    if shown != ca_fingerprint:
        raise FileRefused(
            f"it is signed by the CA sha256:{shown.hex()}, which is not the one you named. Compare it with what "
            "`hardcase-collector enrol-file` printed; nothing was changed"
        )
    _prove(container, signer, "that collector")
    if head.request != request:
        raise FileRefused("it answers another request than the last one of this host: make an answer to that one")
    try:
        certificate.verify_directly_issued_by(signer)
    except (*_UNREADABLE, InvalidSignature):
        raise FileRefused("the certificate in it was not issued by the CA that signed it") from None
    return Answered(agent_id=head.reply.agent_id, certificate_pem=told[0], ca_pem=told[1])


def hash_of(data: bytes) -> bytes:
    """How files name each other."""
    return hashlib.sha256(data).digest()


def _certificates(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []
