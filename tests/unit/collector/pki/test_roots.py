"""The collector's CAs over time: every stage of a rollover, also after a kill in the middle, and the site's own."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hardcase_collector import pki
from hardcase_collector.domain.errors import ConfigError, JoiningRefused, NotAllowed
from hardcase_collector.founding import found
from hardcase_collector.roots import Roots, Site

from tests.fakes import site_ca

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGENT = "3b8c1d2e-0000-4000-8000-000000000001"


def request() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def files(tmp_path: Path) -> pki.ServerFiles:
    found(tmp_path, ("collector.example.com", "127.0.0.1"), now=NOW)
    return pki.ServerFiles.below(tmp_path)


def shows(roots: Roots, shown: pki.Shown) -> str:
    """Which CA issued what a port shows."""
    return roots.issuer_of(pki.load_certificate(shown.chain))


def test_before_any_rollover_there_is_one_ca_for_everything(files: pki.ServerFiles) -> None:
    roots = Roots(files)
    assert roots.trusted() == (roots.fingerprint,)
    assert roots.retiring == ""
    assert shows(roots, roots.shown()) == shows(roots, roots.shown_to_joining()) == roots.fingerprint
    assert roots.collector_id == roots.fingerprint[:16]
    assert not roots.switch(now=NOW)
    with pytest.raises(NotAllowed, match="no rollover"):
        roots.retire(now=NOW)


def test_a_rollover_goes_through_its_stages_and_the_fingerprint_for_enrolment_is_right_at_each(
    files: pki.ServerFiles,
) -> None:
    roots = Roots(files)
    first, id = roots.fingerprint, roots.collector_id
    before = roots.issue_client(request(), AGENT, enrolment=7, now=NOW)

    second = roots.rotate(now=NOW)
    assert second != first
    assert set(roots.trusted()) == {first, second}
    assert (roots.fingerprint, roots.retiring) == (first, first)
    assert [shows(roots, shown) for shown in (roots.shown(), roots.shown_to_joining())] == [first, first]
    after = roots.issue_client(request(), AGENT, enrolment=7, now=NOW)
    issuers = [roots.issuer_of(x509.load_pem_x509_certificate(one.certificate)) for one in (before, after)]
    assert issuers == [first, second]
    assert after.ca.count(b"BEGIN CERTIFICATE") == 2
    with pytest.raises(NotAllowed, match="runs already"):
        roots.rotate(now=NOW)

    assert roots.switch(now=NOW)
    assert [shows(roots, shown) for shown in (roots.shown(), roots.shown_to_joining())] == [second, first]
    assert roots.fingerprint == first
    assert [len(Roots(files).shown().clients), Roots(files).serves_new] == [2, True]

    assert roots.retire(now=NOW) == first
    assert roots.trusted() == (second,)
    assert (roots.fingerprint, roots.retiring, roots.collector_id) == (second, "", id)
    assert [shows(roots, shown) for shown in (roots.shown(), roots.shown_to_joining())] == [second, second]
    assert not files.of("ca-old.key").exists()
    with pytest.raises(JoiningRefused) as refused:
        roots.verify_client(before.certificate, now=NOW)
    assert refused.value.name == "certificate-foreign"
    assert roots.verify_client(after.certificate, now=NOW)
    third = Roots(files)
    assert (third.fingerprint, third.collector_id, third.names[0]) == (second, id, "collector.example.com")


@pytest.mark.parametrize("steps", range(6))
def test_a_rollover_that_was_killed_is_begun_or_was_not(
    files: pki.ServerFiles, steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Roots(files).fingerprint
    done = 0
    write = pki.write_private

    def until_the_kill(path: Path, content: bytes, *, mode: int = 0o600) -> None:
        nonlocal done
        if done == steps:
            raise KeyboardInterrupt
        done += 1
        write(path, content, mode=mode)

    monkeypatch.setattr(pki, "write_private", until_the_kill)
    with pytest.raises(KeyboardInterrupt):
        Roots(files).rotate(now=NOW)
    monkeypatch.undo()
    healed = Roots(files)
    begun = bool(healed.retiring)
    assert begun == (steps >= 3)
    assert healed.fingerprint == first
    assert len(healed.trusted()) == (2 if begun else 1)
    assert not files.of("ca-next.crt").exists()
    assert not files.of("ca-next.key").exists()
    if not begun:
        healed.rotate(now=NOW)
    healed.switch(now=NOW)
    healed.retire(now=NOW)
    assert Roots(files).trusted() == (healed.fingerprint,)


def test_of_a_ca_whose_retiring_was_killed_no_key_is_left(
    files: pki.ServerFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    Roots(files).rotate(now=NOW)
    roots, unlink, gone = Roots(files), Path.unlink, []

    def once(path: Path, missing_ok: bool = False) -> None:
        if path.name == "ca-old.crt":
            gone.append(path)
        elif gone:
            raise KeyboardInterrupt
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", once)
    with pytest.raises(KeyboardInterrupt):
        roots.retire(now=NOW)
    monkeypatch.undo()
    assert files.of("ca-old.key").exists()

    assert Roots(files).retiring == ""
    assert not files.of("ca-old.key").exists()
    assert not files.of("enrolment.key").exists()


def test_while_a_rollover_begins_the_present_ca_is_known_throughout(
    files: pki.ServerFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = Roots(files)
    first, load, seen = roots.fingerprint, pki.Authority.load, []

    def watched(cls: type[pki.Authority], told: pki.ServerFiles) -> pki.Authority:
        seen.append(roots.trusted())
        return load(told)

    monkeypatch.setattr(pki.Authority, "load", classmethod(watched))
    roots.rotate(now=NOW)

    assert len(seen) == 2
    assert all(first in trusted for trusted in seen)


def test_a_kill_between_the_new_key_and_its_certificate_is_healed(files: pki.ServerFiles) -> None:
    roots = Roots(files)
    first = roots.fingerprint
    kept = {path.name: path.read_bytes() for path in files.ca.parent.iterdir()}
    second = roots.rotate(now=NOW)
    # The key was put in place, the certificate was not.
    shutil.copy(files.ca, files.of("ca-next.crt"))
    files.ca.write_bytes(kept["ca.crt"])
    healed = Roots(files)
    assert (healed.issuing.fingerprint, healed.retiring) == (second, first)


def test_an_expired_certificate_counts_for_ninety_days_where_it_is_renewed_and_nowhere_else(
    files: pki.ServerFiles,
) -> None:
    roots = Roots(files)
    issued = roots.issue_client(request(), AGENT, enrolment=7, now=NOW).certificate
    end = NOW + timedelta(days=397)
    assert roots.verify_client(issued, now=end)
    with pytest.raises(JoiningRefused) as refused:
        roots.verify_client(issued, now=end + timedelta(minutes=1))
    assert refused.value.name == "certificate-expired"
    assert roots.verify_client(issued, now=end + timedelta(days=90), late=True)
    with pytest.raises(JoiningRefused, match="over 90 days ago"):
        roots.verify_client(issued, now=end + timedelta(days=90, minutes=1), late=True)
    with pytest.raises(JoiningRefused) as early:
        roots.verify_client(issued, now=NOW - timedelta(days=1))
    assert early.value.name == "clock-off"
    with pytest.raises(JoiningRefused) as junk:
        roots.verify_client(b"junk", now=NOW)
    assert junk.value.name == "bad-request"


def test_what_ports_show_is_renewed_before_it_ends_also_during_a_rollover(files: pki.ServerFiles) -> None:
    roots = Roots(files)
    roots.rotate(now=NOW)
    roots.switch(now=NOW)
    assert not roots.renew_server(now=NOW + timedelta(days=300))
    later = NOW + timedelta(days=380)
    assert roots.renew_server(now=later)
    for shown in (roots.shown(), roots.shown_to_joining()):
        assert pki.days_left(pki.load_certificate(shown.chain), now=later) > 300
    assert [shows(roots, shown) for shown in (roots.shown(), roots.shown_to_joining())] == [
        roots.issuing.fingerprint,
        roots.fingerprint,
    ]


def test_the_sites_own_certificate_is_shown_and_its_ca_is_what_agents_trust(
    files: pki.ServerFiles, tmp_path: Path
) -> None:
    ca = site_ca.make("Site CA")
    site_ca.write_server(tmp_path, ca, ("collector.example.com",))
    site = Site(tmp_path / "server.crt", tmp_path / "server.key", tmp_path / "ca.crt", tmp_path / "ca.crt")
    roots = Roots(files, site)
    root = ca.root.fingerprint(hashes.SHA256()).hex()
    assert (roots.fingerprint, roots.trusted()) == (root, (root,))
    assert roots.shown().chain == roots.shown_to_joining().chain == tmp_path / "server.crt"
    assert roots.takes_site_certificates
    assert roots.issue_client(request(), AGENT, enrolment=7, now=NOW).ca == (tmp_path / "ca.crt").read_bytes()
    before = roots.stamp()
    site_ca.write_server(tmp_path, ca, ("collector.example.com",))
    assert roots.stamp() != before


def test_a_site_ca_that_holds_nothing_is_told_at_the_start(files: pki.ServerFiles, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(ConfigError, match="holds no certificate"):
        Roots(files, Site(tmp_path / "a", tmp_path / "b", tmp_path / "empty"))
    with pytest.raises(ConfigError, match="cannot be read"):
        Roots(files, Site(tmp_path / "a", tmp_path / "b", tmp_path / "missing"))
