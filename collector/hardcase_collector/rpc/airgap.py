"""Files carried by hand, as bytes: opened and proven, or made and signed. Layout: protos/README.md.

Called by `airgap.py`. The signature stands before everything else: nothing of an export is decoded but its head before
its certificate and its signature were found good. What a file says is taken by `ingest/by_file.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError
from hardcase_protos.v1 import airgap_pb2, telemetry_pb2

from hardcase_collector.domain.errors import BadRecord, FileDamaged, FileTampered
from hardcase_collector.ingest.by_file import Content, ExportedFile
from hardcase_collector.ingest.incoming import IncomingBatch, OfferedCatalogue, Refused
from hardcase_collector.pki import UNREADABLE
from hardcase_collector.rpc import codec
from hardcase_collector.rpc.records import INT64_MAX
from hardcase_collector.rpc.writer import content_of

ExportHead = airgap_pb2.ExportHead

MAGIC = b"HCAIRGAP"
VERSION = 1
READABLE = frozenset({1})
PROTOCOL = 1
LARGEST_FILE = 8 << 20
"""Agents end a file at half of it. One file is one group of the writer: about half a second of its time."""
LARGEST_HEAD = 64 << 10
LARGEST_PIECE = (2 << 20) + 4096
"""Half of what the stream's transport takes, as there; one record of the largest size and what is around it."""
MOST_RECORDS = 20_000
_PROLOGUE = 12
_END = b"\x00\x00\x00\x00"


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


@dataclass(frozen=True, slots=True)
class Container:
    """A file taken apart; nothing of it is proven yet."""

    head: bytes
    pieces: Sequence[bytes]
    signed: bytes
    signature: bytes
    hash: bytes


# ---------------------------------------------------------------------- the container


def open_container(data: bytes, kind: FileKind) -> Container:
    """Raises FileDamaged, saying how."""
    if len(data) > LARGEST_FILE:
        raise FileDamaged(f"it is larger than {LARGEST_FILE} bytes: no agent makes such a file")
    if data[:8] != MAGIC[: len(data)] or len(data) < _PROLOGUE:
        raise FileDamaged(f"it is not a file of an agent without network, or only {len(data)} bytes are left of it")
    if data[8] not in READABLE:
        raise FileDamaged(f"its form has version {data[8]}, this release reads {sorted(READABLE)}: upgrade it first")
    if data[9] != kind or data[10:12] != b"\x00\x00":
        known = next((_WORDS[one] for one in FileKind if one == data[9]), "a file of another kind")
        raise FileDamaged(f"it is {known}, not {_WORDS[kind]}")
    sections: list[bytes] = []
    at = _PROLOGUE
    while section := _section(data, at, LARGEST_PIECE if sections else LARGEST_HEAD):
        sections.append(section)
        at += 4 + len(section)
        if len(sections) > MOST_RECORDS:
            raise FileDamaged(f"it has over {MOST_RECORDS} pieces")
    at += len(_END)
    signature = _section(data, at, 256)
    if not sections or not signature:
        raise FileDamaged("its head or its signature is empty")
    if at + 4 + len(signature) != len(data):
        raise FileDamaged("something follows after its end")
    return Container(sections[0], sections[1:], data[:at], signature, hashlib.sha256(data).digest())


def _section(data: bytes, at: int, largest: int) -> bytes:
    length = int.from_bytes(data[at : at + 4], "little")
    if at + 4 > len(data) or at + 4 + length > len(data):
        raise FileDamaged("it ends in the middle: it was cut short; copy it again")
    if length > largest:
        raise FileDamaged(f"a piece of it has {length} bytes, at most {largest}")
    return data[at + 4 : at + 4 + length]


def seal(kind: FileKind, head: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A file without body, signed."""
    prologue = MAGIC + bytes((VERSION, kind, 0, 0))
    signed = prologue + len(head).to_bytes(4, "little") + head + _END
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return signed + len(signature).to_bytes(4, "little") + signature


def prove(container: Container, key: object) -> None:
    """Raises FileTampered."""
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        key.verify(container.signature, container.signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise FileTampered("its signature is not that of its content: it was changed after its agent made it") from None


# ---------------------------------------------------------------------- exports


def export_head(container: Container) -> ExportHead:
    """What can be looked at before anything is proven. Raises FileDamaged."""
    try:
        head = ExportHead.FromString(container.head)
    except DecodeError:
        raise FileDamaged("its head cannot be read") from None
    sixteen = (head.epoch, *(one.epoch for one in head.earlier))
    numbers = (head.number, head.first, head.through, head.records, head.ordinal)
    if any(len(epoch) != 16 for epoch in sixteen) or any(not 1 <= number <= INT64_MAX for number in numbers):
        raise FileDamaged("its head has an epoch or a number that no agent gives")
    if len(head.previous) != (32 if head.number > 1 else 0) or head.through < head.first:
        raise FileDamaged("its head contradicts itself")
    if head.hello.protocol != PROTOCOL:
        raise FileDamaged(f"its records are of protocol {head.hello.protocol}, here only {PROTOCOL} is read")
    return head


def exported(container: Container, head: ExportHead) -> ExportedFile:
    """The content, decoded as the stream's is. Only of a container that was proven. Raises FileDamaged."""
    contents = list(_contents(container.pieces))
    batches = [one for one in contents if isinstance(one, IncomingBatch)]
    if any(one.epoch != head.epoch for one in batches):
        raise FileDamaged("it holds records of another epoch than its head says")
    through, records = head.first - 1, 0
    for batch in batches:
        if batch.first_sequence <= through or not batch.records:
            raise FileDamaged("its records are not in order")
        through = batch.first_sequence + len(batch.records) - 1
        records += len(batch.records)
    if not batches or (batches[0].first_sequence, through, records) != (head.first, head.through, head.records):
        raise FileDamaged("it holds other records than its head says")
    return ExportedFile(
        epoch=head.epoch,
        number=head.number,
        hash=container.hash,
        previous=head.previous,
        first=head.first,
        through=head.through,
        records=head.records,
        earlier=tuple((one.epoch, min(one.through, INT64_MAX)) for one in head.earlier),
        greeting=codec.greeting_of(head.hello),
        contents=contents,
    )


def _contents(pieces: Sequence[bytes]) -> Iterator[Content]:
    left = MOST_RECORDS
    for piece in pieces:
        try:
            left -= _records_in(piece)
            if left < 0:
                raise FileDamaged(f"it holds over {MOST_RECORDS} records")
            content = content_of(piece)
        except (BadRecord, DecodeError, IndexError) as error:
            raise FileDamaged(f"a piece of it cannot be read: {error}") from None
        if not isinstance(content, IncomingBatch | OfferedCatalogue | Refused):
            raise FileDamaged("a piece of it is neither records nor a catalogue")
        yield content


def _records_in(piece: bytes) -> int:
    """How many records a batch holds, counted before objects are made of them: two bytes of it may be one.

    Raises IndexError where the piece ends in the middle of a field; what is no batch has none.
    """
    tag, at = _varint(piece, 0)
    if tag != 0x12:
        return 0
    size, at = _varint(piece, at)
    end = at + size
    if end != len(piece):
        raise IndexError("something is beside its batch")
    found = 0
    while at < end:
        tag, at = _varint(piece, at)
        length, at = _varint(piece, at)
        if tag & 7 == 2:
            at += length
        found += tag == 0x1A
        if found > MOST_RECORDS:
            return found
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise IndexError("a number of it is too long")


# ---------------------------------------------------------------------- receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """One epoch of a receipt."""

    epoch: bytes
    through: int
    number: int
    hash: bytes
    records_rejected: int
    rejected: Sequence[tuple[int, str, str]]
    """Sequence, word of the status, detail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    agent_id: str
    number: int
    made_ms: int
    lines: Sequence[ReceiptLine]


def receipt_file(receipt: Receipt, ca_pem: bytes, key_pem: bytes) -> bytes:
    """Signed by the CA's key."""
    head = airgap_pb2.ReceiptHead(
        agent_id=receipt.agent_id,
        ca_pem=ca_pem,
        number=receipt.number,
        made_ms=receipt.made_ms,
    )
    for line in receipt.lines:
        told = head.epochs.add(
            epoch=line.epoch,
            through=line.through,
            number=line.number,
            hash=line.hash,
            records_rejected=line.records_rejected,
        )
        for sequence, status, detail in line.rejected:
            told.rejected.add(
                sequence=sequence,
                status=telemetry_pb2.Rejection.Status.Value(f"STATUS_{status.upper()}"),
                detail=detail,
            )
    return seal(FileKind.RECEIPT, head.SerializeToString(), _private(key_pem))


# ---------------------------------------------------------------------- identities


def identity_request(data: bytes) -> tuple[airgap_pb2.IdentityRequestHead, bytes]:
    """The request, proven to be signed by the key it is about, and the file's hash.

    Raises FileDamaged, FileTampered.
    """
    container = open_container(data, FileKind.REQUEST)
    try:
        head = airgap_pb2.IdentityRequestHead.FromString(container.head)
        key = x509.load_pem_x509_csr(head.request.csr_pem).public_key()
    except (DecodeError, *UNREADABLE):
        raise FileDamaged("its head cannot be read") from None
    prove(container, key)
    return head, container.hash


def identity_answer(
    *, agent_id: str, certificate: bytes, trust: bytes, request: bytes, made_ms: int, ca_pem: bytes, key_pem: bytes
) -> bytes:
    """`trust`: what the agent shall trust from now on. Signed by the CA's key."""
    head = airgap_pb2.IdentityAnswerHead(request=request, made_ms=made_ms, ca_pem=ca_pem)
    head.reply.agent_id = agent_id
    head.reply.certificate_pem = certificate
    head.reply.ca_pem = trust
    return seal(FileKind.ANSWER, head.SerializeToString(), _private(key_pem))


def _private(key_pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # the authority makes and loads no other
    return key
