"""Damaged requests at the enrolment port, over a real store: refused by name, or a certificate that makes sense.

Run by `__main__.py`. What is no message at all is refused by gRPC itself and tried here only up to its parser.
"""

from __future__ import annotations

import random
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError
from hardcase_collector import pki
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.domain.ports import EnrolmentToken
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.founding import found
from hardcase_collector.roots import Roots
from hardcase_collector.rpc.joining import Ask, Enrolled, Enrolment
from hardcase_protos.v1 import enrolment_pb2, reading_pb2

from tests.fakes.empty_store import empty_store
from tests.fuzz.mutation import mutate
from tests.fuzz.running import Failure

NOW = 1_800_000_000_000
TOKEN = "hct_fuzz-fuzz-fuzz-fuzz-fuzz-fuzz"
USES = 10_000


class Port:
    """A collector whose token is good for all that comes, and a host that is enrolled."""

    def __init__(self, folder: Path) -> None:
        now = datetime.fromtimestamp(NOW / 1000, UTC)
        found(folder, ("localhost",), now=now)
        self.store = empty_store(folder / "state.db")
        self.roots = Roots(pki.ServerFiles.below(folder))
        self.enrolment = Enrolment(self.store, self.roots)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.refill()
        csr = self._request()
        host = reading_pb2.Asset(
            vendor="Dell Inc.", serial="7ABC123", hostname="db1", machine_id="a" * 32, uuid="4c4c4544-0042"
        )
        self.enroll = enrolment_pb2.EnrollRequest(token=TOKEN, csr_pem=csr, host=host, agent_version="1", wall_ms=NOW)
        certificate = self._asked(self.enroll).certificate
        signature = self.key.sign(csr + NOW.to_bytes(8, "big"), ec.ECDSA(hashes.SHA256()))
        self.renew = enrolment_pb2.RenewRequest(
            certificate_pem=certificate, csr_pem=csr, wall_ms=NOW, signature=signature
        )

    def _request(self) -> bytes:
        made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(self.key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM)

    def refill(self) -> None:
        token = EnrolmentToken(
            hash=secret_hash(TOKEN), customer="acme", uses_left=USES, expires_ms=NOW + 86_400_000, replace=True,
            made_by="fuzz", made_ms=NOW,
        )  # fmt: skip
        with self.store.write() as tx:
            tx.access.add_token(token)

    def _asked(self, request: enrolment_pb2.EnrollRequest) -> Enrolled:
        ask = Ask(
            token=request.token, csr_pem=request.csr_pem, host=request.host, address="10.0.0.1",
            wall_ms=request.wall_ms, certificate=None,
        )  # fmt: skip
        return self.enrolment.enroll(ask, now_ms=NOW)

    def take(self, chance: random.Random) -> str:
        """ "" or what is wrong."""
        renewal = chance.random() < 0.4
        original = self.renew if renewal else self.enroll
        damaged = _damaged(original, chance)
        try:
            if renewal:
                request = enrolment_pb2.RenewRequest.FromString(damaged)
                enrolled = self.enrolment.renew(
                    certificate_pem=request.certificate_pem, csr_pem=request.csr_pem, wall_ms=request.wall_ms,
                    signature=request.signature, now_ms=NOW,
                )  # fmt: skip
            else:
                enrolled = self._asked(enrolment_pb2.EnrollRequest.FromString(damaged))
        except (DecodeError, CollectorError):
            return ""
        name = pki.common_name(x509.load_pem_x509_certificate(enrolled.certificate))
        return "" if name == enrolled.agent.id else f"a certificate for {name!r} of agent {enrolled.agent.id!r}"


def _damaged(original: enrolment_pb2.EnrollRequest | enrolment_pb2.RenewRequest, chance: random.Random) -> bytes:
    """Half as bytes of the message, half in one of its fields, so that the rest is still a message."""
    if chance.random() < 0.5:
        return mutate(original.SerializeToString(), chance)
    made = type(original)()
    made.CopyFrom(original)
    field = chance.choice([one for one in made.DESCRIPTOR.fields if one.cpp_type == one.CPPTYPE_STRING])
    value = getattr(made, field.name)
    if isinstance(value, bytes):
        setattr(made, field.name, mutate(value, chance))
    else:
        setattr(made, field.name, mutate(value.encode(), chance).decode(errors="replace"))
    return made.SerializeToString()


def run(mutants: range, *, seed: int) -> list[Failure]:
    failures = []
    with tempfile.TemporaryDirectory() as name:
        port = Port(Path(name))
        for number in mutants:
            try:
                wrong = port.take(random.Random(f"{seed}:{number}"))
            except Exception:
                wrong = traceback.format_exc(limit=-5)
            if wrong:
                failures.append(Failure("enrolment", "request", number, wrong))
        port.store.close()
    return failures
