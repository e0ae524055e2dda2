"""One certificate authority: CA, server certificate, agents' client certificates.

Called by `founding.py` (making them) and `roots.py`, which knows of two of them while one follows the other.
Keys are P-256, profiles after RFC 5280. Time is an argument.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hardcase_collector import certificate_profiles as profiles
from hardcase_collector.domain.errors import ConfigError, JoiningRefused
from hardcase_collector.domain.joining import RefusalName

CA_DAYS = 3650
SERVER_DAYS = 397  # The longest a browser takes; renewed by the collector itself.
AGENT_DAYS = 397  # Renewed at two thirds: four months are left for a collector or an agent that is away.
LATE_DAYS = 90
"""For so long after its end a certificate that was not revoked may still be renewed by proof of its key."""
RENEW_SERVER_DAYS = 30
AGENT_DOMAIN = "agents.hardcase.internal"
"""Certificates of agents carry e<enrolment>.<id>.agents.hardcase.internal: the CA's name constraints cover them too."""
UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, CryptographyDeprecationWarning)
"""What the cryptography library says of a certificate or a request that is none; the last only where warnings raise."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its chain as PEM."""

    certificate: bytes
    ca: bytes
    fingerprint: str
    """SHA-256 of the certificate, hex."""


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where the files lie: chain = server certificate followed by the CA, so that agents can pin the CA."""

    ca: Path
    ca_key: Path
    chain: Path
    key: Path

    @classmethod
    def below(cls, data_dir: Path) -> ServerFiles:
        folder = data_dir / "pki"
        return cls(folder / "ca.crt", folder / "ca.key", folder / "server.crt", folder / "server.key")

    def of(self, name: str) -> Path:
        """A further file beside them."""
        return self.ca.with_name(name)

    def shown(self) -> Shown:
        return Shown(self.chain, self.key)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a port shows and whom it takes, as files: read anew when one of them changes."""

    chain: Path
    key: Path
    further: tuple[Path, ...] = ()
    """Certificates sent after the chain, so that agents find the CA there."""
    clients: tuple[Path, ...] = ()
    """CAs whose client certificates are taken; () = no client certificate is asked for."""


def fingerprint(certificate_pem: bytes) -> str:
    """SHA-256 of the DER form, lower-case hex."""
    return x509.load_pem_x509_certificate(certificate_pem).fingerprint(hashes.SHA256()).hex()


class Authority:
    """Signs. Holds the CA key in memory; made anew or loaded from `ServerFiles`."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, names: tuple[str, ...], *, now: datetime) -> Authority:
        """A self-signed CA that may sign for these DNS names and for agents only.

        Addresses are left unconstrained: BoringSSL, inside gRPC, refuses a chain whose CA constrains them
        (X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE).
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Hardcase"),
                # Two CAs of one day are told apart by name too: verifiers look issuers up by it.
                x509.NameAttribute(NameOID.COMMON_NAME, f"Hardcase CA {now:%Y-%m-%d} {_mark(key.public_key())}"),
            ]
        )
        domains = dict.fromkeys([*(name for name in names if not profiles.is_address(name)), "localhost", AGENT_DOMAIN])
        certificate = (
            profiles.builder(subject, subject, key.public_key(), now, now + timedelta(days=CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(profiles.usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.NameConstraints([x509.DNSName(domain) for domain in domains], None),
                critical=True,
            )
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, files: ServerFiles) -> Authority:
        """Raises ConfigError where the files are missing or damaged."""
        try:
            certificate = x509.load_pem_x509_certificate(files.ca.read_bytes())
            key = serialization.load_pem_private_key(files.ca_key.read_bytes(), None)
        except (OSError, *UNREADABLE) as error:
            raise ConfigError((f"{files.ca.parent}: no usable CA ({error}); run hardcase-collector init",)) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ConfigError((f"{files.ca_key}: is not the key of {files.ca}; restore both from one backup",))
        return cls(certificate, key)

    @property
    def certificate_pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return private_pem(self._key)

    @property
    def fingerprint(self) -> str:
        return self._certificate.fingerprint(hashes.SHA256()).hex()

    def sign_server(self, key: ec.EllipticCurvePublicKey, names: tuple[str, ...], *, now: datetime) -> bytes:
        """A server certificate for these DNS names and addresses, as PEM."""
        alternatives = [profiles.general_name(name) for name in names]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        return self._sign(subject, key, alternatives, ExtendedKeyUsageOID.SERVER_AUTH, now, SERVER_DAYS)

    def issue_client(self, csr_pem: bytes, agent_id: str, *, enrolment: int, now: datetime) -> Issued:
        """A client certificate with common name `agent_id` for the key of this request; its subject is ignored.

        `enrolment` tells the enrolments of one identity apart (see `enrolment_of`).

        Raises NotAllowed when the request is damaged, unsigned, or holds a key that is not ECDSA P-256 or P-384.
        """
        public = request_key(csr_pem)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, agent_id)])
        alternatives: list[x509.GeneralName] = [x509.DNSName(f"e{enrolment}.{agent_id}.{AGENT_DOMAIN}")]
        pem = self._sign(subject, public, alternatives, ExtendedKeyUsageOID.CLIENT_AUTH, now, AGENT_DAYS)
        return Issued(pem, self.certificate_pem, fingerprint(pem))

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether it bears this CA's signature; its dates play no part."""
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def names(self) -> tuple[str, ...]:
        """The DNS names that this CA may sign for."""
        limits = self._certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        return tuple(str(one.value) for one in limits.permitted_subtrees or () if isinstance(one, x509.DNSName))

    def enrolment_of(self, certificate: x509.Certificate) -> int | None:
        """What `issue_client` was given. A certificate from before the host was enrolled anew names an older one."""
        for name in alternative_names(certificate):
            label = name.split(".", 1)[0]
            if name.endswith(f".{AGENT_DOMAIN}") and label[:1] == "e" and label[1:].isdigit():
                return int(label[1:])
        return None

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        alternatives: list[x509.GeneralName],
        purpose: x509.ObjectIdentifier,
        now: datetime,
        days: int,
    ) -> bytes:
        until = min(now + timedelta(days=days), self._certificate.not_valid_after_utc)
        return (
            profiles.builder(subject, self._certificate.subject, key, now, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(profiles.usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Writes beside, syncs, renames: a kill leaves the old file or the new one."""
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(aside, path)


def make_server(authority: Authority, files: ServerFiles, names: tuple[str, ...], *, now: datetime) -> None:
    """A fresh key and certificate for these names. Raises OSError."""
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.sign_server(key.public_key(), names, now=now) + authority.certificate_pem
    # Key and chain are two files: both are staged before either is swapped, and `renew_server` heals a mismatch.
    write_private(files.key, private_pem(key))
    write_private(files.chain, chain, mode=0o644)


def renew_server(authority: Authority, files: ServerFiles, *, now: datetime) -> bool:
    """Makes a new server certificate for the same names when the present one ends within 30 days, or key and
    certificate are not a pair. True: it did. Raises ConfigError where the present one cannot be read."""
    certificate = load_certificate(files.chain)
    left = certificate.not_valid_after_utc - now
    if left > timedelta(days=RENEW_SERVER_DAYS) and is_pair(files.key, certificate):
        return False
    make_server(authority, files, alternative_names(certificate), now=now)
    return True


def load_certificate(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file. Raises ConfigError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, *UNREADABLE) as error:
        raise ConfigError((f"{path}: no usable certificate ({error}); run hardcase-collector init",)) from error


def stamp(shown: Shown) -> object:
    """Changes when what is shown, or one of its files, does. Raises ConfigError."""
    files = (shown.chain, shown.key, *shown.further, *shown.clients)
    try:
        return shown, [(told.st_mtime_ns, told.st_ino, told.st_size) for told in map(os.stat, files)]
    except OSError as error:
        raise ConfigError((f"{error.filename}: cannot be read: {error.strerror}",)) from error


def alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """DNS names and addresses of a certificate in the order given to `sign_server`: by the first it is reached."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(one.value) for one in names if isinstance(one, x509.DNSName | x509.IPAddress))


def days_left(certificate: x509.Certificate, *, now: datetime) -> float:
    return (certificate.not_valid_after_utc - now) / timedelta(days=1)


def common_name(certificate: x509.Certificate) -> str:
    """The common name, "" where there is none."""
    values = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[0].value) if values else ""


def is_pair(key_path: Path, certificate: x509.Certificate) -> bool:
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return False
    return key.public_key() == certificate.public_key()


def request_key(csr_pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        signed, public = request.is_signature_valid, request.public_key()
    except UNREADABLE as error:
        raise JoiningRefused(
            RefusalName.BAD_REQUEST, "the certificate request is not PKCS#10 in PEM, or its key is none"
        ) from error
    if not signed:
        raise JoiningRefused(RefusalName.BAD_REQUEST, "the certificate request is not signed by its own key")
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1 | ec.SECP384R1):
        raise JoiningRefused(
            RefusalName.BAD_REQUEST, "the certificate request holds a key that is not ECDSA P-256 or P-384"
        )
    return public


def key_fingerprint(key: CertificatePublicKeyTypes) -> str:
    """SHA-256 of a public key (DER SubjectPublicKeyInfo), hex."""
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def _mark(key: ec.EllipticCurvePublicKey) -> str:
    return key_fingerprint(key)[:8]
