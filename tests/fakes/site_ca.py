"""A certificate authority of a site, as its operator runs one: RSA, an intermediate between root and certificates."""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
Key = rsa.RSAPrivateKey


@dataclass
class SiteCa:
    root: x509.Certificate
    intermediate: x509.Certificate
    key: Key
    """Of the intermediate."""


def make(name: str) -> SiteCa:
    root_key, key = new_key(), new_key()
    root = _signed(name, root_key, name, root_key, ca=True)
    intermediate = _signed(f"{name} servers", key, name, root_key, ca=True)
    return SiteCa(root, intermediate, key)


def new_key() -> Key:
    return rsa.generate_private_key(65537, 2048)


def write_server(folder: Path, ca: SiteCa, names: tuple[str, ...]) -> None:
    """ca.crt, and server.crt and server.key anew."""
    _replace(folder / "ca.crt", ca.root.public_bytes(PEM))
    _write(folder, "server", ca, names, ExtendedKeyUsageOID.SERVER_AUTH)


def write_client(folder: Path, ca: SiteCa, name: str, *, file: str = "client") -> None:
    _write(folder, file, ca, (name,), ExtendedKeyUsageOID.CLIENT_AUTH)


def _write(folder: Path, file: str, ca: SiteCa, names: tuple[str, ...], purpose: x509.ObjectIdentifier) -> None:
    key = new_key()
    issuer = ca.intermediate.subject.rfc4514_string().removeprefix("CN=")
    certificate = _signed(names[0], key, issuer, ca.key, ca=False, names=names, purpose=purpose)
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _replace(folder / f"{file}.key", private)
    _replace(folder / f"{file}.crt", certificate.public_bytes(PEM) + ca.intermediate.public_bytes(PEM))


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(path.name + ".new")
    aside.write_bytes(content)
    aside.chmod(0o600)
    os.replace(aside, path)


def _signed(
    name: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    *,
    ca: bool,
    names: tuple[str, ...] = (),
    purpose: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
