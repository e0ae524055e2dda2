"""The collector's CA: what it signs is accepted by gRPC (BoringSSL) and OpenSSL, and by nobody for another name."""

from __future__ import annotations

import base64
import ipaddress
import shutil
import subprocess
from concurrent import futures
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hardcase_collector import pki
from hardcase_collector.domain.errors import ConfigError, NotAllowed

NOW = datetime.now(UTC)
NAMES = ("collector.example.com", "localhost", "127.0.0.1", "::1")
AGENT = "0b0cf6d4-3a9f-4c60-a64f-d3cf6a1f9c39"


def request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def files(tmp_path: Path) -> pki.ServerFiles:
    files = pki.ServerFiles.below(tmp_path)
    files.ca.parent.mkdir()
    return files


@pytest.fixture
def authority(files: pki.ServerFiles) -> pki.Authority:
    authority = pki.Authority.create(NAMES, now=NOW)
    pki.write_private(files.ca, authority.certificate_pem, mode=0o644)
    pki.write_private(files.ca_key, authority.key_pem)
    pki.make_server(authority, files, NAMES, now=NOW)
    return authority


def test_an_agent_and_the_collector_prove_themselves_to_each_other_over_grpc(
    authority: pki.Authority, files: pki.ServerFiles
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue_client(request(key), AGENT, enrolment=7, now=NOW)
    server = grpc.server(futures.ThreadPoolExecutor(1))
    seen: list[str] = []

    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        seen.extend(name.decode() for name in context.auth_context()["x509_common_name"])
        return b"ok"

    handler = grpc.method_handlers_generic_handler("t", {"m": grpc.unary_unary_rpc_method_handler(answer)})
    server.add_generic_rpc_handlers((handler,))
    credentials = grpc.ssl_server_credentials(
        [(files.key.read_bytes(), files.chain.read_bytes())], authority.certificate_pem, True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        mine = grpc.ssl_channel_credentials(authority.certificate_pem, pki.private_pem(key), issued.certificate)
        for target in (f"localhost:{port}", f"127.0.0.1:{port}"):
            with grpc.secure_channel(target, mine) as channel:
                assert channel.unary_unary("/t/m")(b"", timeout=90) == b"ok"
        nobody = grpc.ssl_channel_credentials(authority.certificate_pem)
        with grpc.secure_channel(f"localhost:{port}", nobody) as channel, pytest.raises(grpc.RpcError):
            channel.unary_unary("/t/m")(b"", timeout=5)
    finally:
        server.stop(0).wait(10)

    assert seen == [AGENT, AGENT]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the package openssl")
def test_openssl_accepts_what_it_signs_for_its_names_and_refuses_other_names(
    authority: pki.Authority, files: pki.ServerFiles, tmp_path: Path
) -> None:
    def verify(pem: bytes, purpose: str) -> str:
        (tmp_path / "leaf.pem").write_bytes(pem)
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", str(files.ca)]
        done = subprocess.run([*command, str(tmp_path / "leaf.pem")], capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    key = ec.generate_private_key(ec.SECP256R1())
    foreign = authority.sign_server(key.public_key(), ("bank.example.org",), now=NOW)

    assert verify(files.chain.read_bytes(), "sslserver").endswith("OK\n")
    assert verify(authority.issue_client(request(key), AGENT, enrolment=7, now=NOW).certificate, "sslclient").endswith(
        "OK\n"
    )
    assert "permitted subtree violation" in verify(foreign, "sslserver")


def test_a_client_certificate_is_for_clients_for_397_days_and_names_the_agent(authority: pki.Authority) -> None:
    issued = authority.issue_client(request(ec.generate_private_key(ec.SECP256R1())), AGENT, enrolment=7, now=NOW)
    certificate = x509.load_pem_x509_certificate(issued.certificate)

    assert pki.common_name(certificate) == AGENT
    assert authority.enrolment_of(certificate) == 7
    assert certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage(
        [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    assert 396 < pki.days_left(certificate, now=NOW) <= 397
    assert issued.fingerprint == pki.fingerprint(issued.certificate)


@pytest.mark.parametrize("names", [("192.0.2.5", "localhost", "127.0.0.1"), NAMES])
def test_a_server_certificate_keeps_the_order_of_its_names(files: pki.ServerFiles, names: tuple[str, ...]) -> None:
    authority = pki.Authority.create(names, now=NOW)
    pki.make_server(authority, files, names, now=NOW)
    assert pki.alternative_names(pki.load_certificate(files.chain)) == names


def of_another_version(pem: bytes) -> bytes:
    """RFC 2986 knows version 0 alone."""
    der = x509.load_pem_x509_csr(pem).public_bytes(serialization.Encoding.DER)
    body = base64.encodebytes(der.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n".encode()


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"junk",
        request(rsa.generate_private_key(65537, 2048)),
        of_another_version(request(ec.generate_private_key(ec.SECP256R1()))),
    ],
)
def test_a_request_that_is_junk_or_not_ecdsa_is_refused(authority: pki.Authority, bad: bytes) -> None:
    with pytest.raises(NotAllowed, match="certificate request"):
        authority.issue_client(bad, AGENT, enrolment=7, now=NOW)


def test_the_server_certificate_is_renewed_for_the_same_names_when_it_nears_its_end(
    authority: pki.Authority, files: pki.ServerFiles
) -> None:
    first = files.chain.read_bytes()

    assert not pki.renew_server(authority, files, now=NOW + timedelta(days=300))
    assert files.chain.read_bytes() == first
    assert pki.renew_server(authority, files, now=NOW + timedelta(days=370))
    renewed = pki.load_certificate(files.chain)
    assert set(pki.alternative_names(renewed)) == {str(n) for n in NAMES}
    assert pki.days_left(renewed, now=NOW) > 700


def test_a_key_left_without_its_certificate_by_a_kill_is_healed(
    authority: pki.Authority, files: pki.ServerFiles
) -> None:
    pki.write_private(files.key, pki.private_pem(ec.generate_private_key(ec.SECP256R1())))

    assert pki.renew_server(authority, files, now=NOW)
    assert not pki.renew_server(authority, files, now=NOW)


def test_no_certificate_outlives_the_ca(authority: pki.Authority, files: pki.ServerFiles) -> None:
    late = NOW + timedelta(days=pki.CA_DAYS - 5)
    issued = authority.issue_client(request(ec.generate_private_key(ec.SECP256R1())), AGENT, enrolment=7, now=late)

    ca = x509.load_pem_x509_certificate(authority.certificate_pem)
    assert x509.load_pem_x509_certificate(issued.certificate).not_valid_after_utc == ca.not_valid_after_utc


def test_keys_are_readable_by_their_owner_only(authority: pki.Authority, files: pki.ServerFiles) -> None:
    assert files.ca_key.stat().st_mode & 0o777 == 0o600
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert list(files.ca.parent.glob("*.new")) == []


def test_a_ca_whose_key_belongs_to_another_is_refused(authority: pki.Authority, files: pki.ServerFiles) -> None:
    pki.write_private(files.ca_key, pki.private_pem(ec.generate_private_key(ec.SECP256R1())))

    with pytest.raises(ConfigError, match="is not the key of"):
        pki.Authority.load(files)


def test_addresses_become_addresses_in_the_certificate(authority: pki.Authority, files: pki.ServerFiles) -> None:
    names = pki.load_certificate(files.chain).extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert ipaddress.ip_address("::1") in names.get_values_for_type(x509.IPAddress)
