"""Keys, signing requests and certificate dates: everything that needs the cryptography library.

Imported by `enrol.py` only when something is enrolled or renewed.
"""

from __future__ import annotations

import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hardcase_agent.domain.errors import EnrolmentRefused


def new_key_pem() -> bytes:
    """A fresh P-256 key, PKCS#8 PEM, not encrypted: it is kept in a file of mode 0600."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def fingerprint(key_pem: bytes) -> str:
    """SHA-256 of the public key (DER SubjectPublicKeyInfo), hex: what a person compares before approving."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(_key(key_pem).public_key().public_bytes(serialization.Encoding.DER, spki)).hexdigest()


def validity_of(der: bytes) -> tuple[int, int]:
    """First and last instant of a certificate, ms of Unix time. Raises ValueError."""
    certificate = x509.load_der_x509_certificate(der)
    return _ms(certificate.not_valid_before_utc), _ms(certificate.not_valid_after_utc)


def request_pem(key_pem: bytes, name: str) -> bytes:
    """PKCS#10 signed by the key; the collector ignores the name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64] or "agent")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(_key(key_pem), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def sign(key_pem: bytes, data: bytes) -> bytes:
    """ECDSA-SHA256, DER."""
    return _key(key_pem).sign(data, ec.ECDSA(hashes.SHA256()))


def validity_ms(certificate_pem: bytes, key_pem: bytes) -> tuple[int, int]:
    """First and last instant of the certificate, ms of Unix time. Raises EnrolmentRefused if it is not for this key."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise EnrolmentRefused("the collector answered with something that is no certificate") from error
    if certificate.public_key() != _key(key_pem).public_key():
        raise EnrolmentRefused("the collector answered with a certificate for another key")
    return _ms(certificate.not_valid_before_utc), _ms(certificate.not_valid_after_utc)


def _key(key_pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except ValueError as error:
        raise EnrolmentRefused("the stored key is damaged; remove joining.key and enroll again") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise EnrolmentRefused("the stored key is not an elliptic-curve key; enroll again")
    return key


def _ms(moment: datetime.datetime) -> int:
    return int(moment.timestamp() * 1000)
