"""The collector's CAs over time: the one that issues, while a rollover runs the one before it, and the site's own.

Made by `app.py`; `rpc/` uses it behind its ports, `rollover.py` moves it on.
Everything is files below data_dir/pki, so that a backup is a copy and a kill between two steps is healed at the start:

    ca.*          the CA that issues                     server.*     what streams and pages show
    ca-old.*      during a rollover: the one before it   enrolment.*  during a rollover: what the enrolment port shows,
    ca-next.*     a rollover that is being begun                      of the old CA until it retires
    collector-id  what this collector calls itself, whatever its CA is
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hardcase_collector import pki
from hardcase_collector.domain.errors import ConfigError, JoiningRefused, NotAllowed
from hardcase_collector.domain.joining import RefusalName


@dataclass(frozen=True, slots=True)
class Site:
    """What the operator gives in [tls]: files, read anew when they change."""

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    """What `certificate` ends in: agents are told to trust it."""
    client_ca: Path | None = None


class Roots:
    """Raises ConfigError where a file is missing or damaged. Safe from several threads."""

    def __init__(self, files: pki.ServerFiles, site: Site = Site()) -> None:
        self._files = files
        self._site = site
        self._lock = Lock()
        _finish_rotation(files)
        _finish_retiring(files)
        self._read()
        self.site_trust()

    def _read(self) -> None:
        path = self._files.of("ca-old.crt")
        issuing, old = pki.Authority.load(self._files), None
        if path.exists():
            old = pki.Authority.load(pki.ServerFiles(path, self._files.of("ca-old.key"), path, path))
        # In this order: others read them meanwhile, and must never miss the CA that issued until now.
        self.old: pki.Authority | None = old
        self.issuing = issuing

    # ------------------------------------------------------------------ who is who

    @property
    def own(self) -> tuple[pki.Authority, ...]:
        """Oldest first."""
        old, issuing = self.old, self.issuing
        return (issuing,) if old is None else (old, issuing)

    @property
    def collector_id(self) -> str:
        """16 hex digits: the start of the first CA's fingerprint, also after that CA is gone."""
        path = self._files.of("collector-id")
        return path.read_text().strip() if path.exists() else self.own[0].fingerprint[:16]

    @property
    def fingerprint(self) -> str:
        """SHA-256, hex, of the CA by which the enrolment port is known: what a host that joins is told."""
        if self._site.certificate is not None:
            return _fingerprints(self.site_trust())[0]
        return self.own[0].fingerprint

    @property
    def names(self) -> tuple[str, ...]:
        """Of the server certificate."""
        return pki.alternative_names(pki.load_certificate(self.shown().chain))

    def trust(self) -> bytes:
        """PEM of every CA that what this collector shows may end in."""
        if self._site.certificate is not None:
            return self.site_trust()
        return b"".join(authority.certificate_pem for authority in self.own)

    def site_trust(self) -> bytes:
        """Raises ConfigError."""
        if self._site.ca is None:
            return b""
        pem = _read(self._site.ca)
        if not _fingerprints(pem):
            raise ConfigError((f"tls.ca: {self._site.ca}: holds no certificate",))
        return pem

    def trusted(self) -> tuple[str, ...]:
        """SHA-256 of each of them, hex."""
        return _fingerprints(self.trust())

    def issuer_of(self, certificate: x509.Certificate) -> str:
        """SHA-256, hex, of the own CA that issued it; "" = none of ours."""
        return next((own.fingerprint for own in self.own if own.issued(certificate)), "")

    @property
    def retiring(self) -> str:
        """SHA-256, hex, of the CA that is about to go; "" = none."""
        old = self.old
        return "" if old is None else old.fingerprint

    # ------------------------------------------------------------------ what ports show

    def shown(self) -> pki.Shown:
        """To streams, and on the pages where they have nothing of their own."""
        clients = [self._files.ca]
        if self.old is not None:
            clients.insert(0, self._files.of("ca-old.crt"))
        if self._site.client_ca is not None:
            clients.append(self._site.client_ca)
        chain, key, further = self._pair(self._files.chain, self._files.key)
        return pki.Shown(chain, key, further, tuple(clients))

    def shown_to_joining(self) -> pki.Shown:
        """On the enrolment port: of the old CA until that retires, so that who was away learns of the new one there."""
        chain, key = self._files.of("enrolment.crt"), self._files.of("enrolment.key")
        if self.old is None or not chain.exists():
            chain, key = self._files.chain, self._files.key
        return pki.Shown(*self._pair(chain, key))

    def _pair(self, chain: Path, key: Path) -> tuple[Path, Path, tuple[Path, ...]]:
        site = self._site
        if site.certificate is None or site.key is None or site.ca is None:
            return chain, key, ()
        return site.certificate, site.key, (site.ca,)

    def stamp(self) -> object:
        """Changes when what is shown, or one of its files, does. Raises ConfigError."""
        return pki.stamp(self.shown())

    @property
    def serves_new(self) -> bool:
        """Whether streams are shown a certificate of the CA that issues."""
        return self._site.certificate is not None or self.issuing.issued(pki.load_certificate(self._files.chain))

    @property
    def takes_site_certificates(self) -> bool:
        return self._site.client_ca is not None

    # ------------------------------------------------------------------ issuing (the port of rpc/enrolment.py)

    def issue_client(self, csr_pem: bytes, agent_id: str, *, enrolment: int, now: datetime) -> pki.Issued:
        """Raises NotAllowed for a request that cannot be signed."""
        issued = self.issuing.issue_client(csr_pem, agent_id, enrolment=enrolment, now=now)
        return pki.Issued(issued.certificate, self.trust(), issued.fingerprint)

    def request_key(self, csr_pem: bytes) -> str:
        """SHA-256, hex, of the public key that signed this request. Raises JoiningRefused."""
        return pki.key_fingerprint(pki.request_key(csr_pem))

    def enrolment_of(self, certificate: x509.Certificate) -> int | None:
        return self.issuing.enrolment_of(certificate)

    def verify_client(self, certificate_pem: bytes, *, now: datetime, late: bool = False) -> x509.Certificate:
        """The parsed certificate, if one of our CAs issued it and it is within its dates, with `late` within 90 days
        after them. Raises JoiningRefused."""
        try:
            certificate = x509.load_pem_x509_certificate(certificate_pem)
        except pki.UNREADABLE:
            raise JoiningRefused(RefusalName.BAD_REQUEST, "this is no certificate") from None
        if not self.issuer_of(certificate):
            raise JoiningRefused(
                RefusalName.CERTIFICATE_FOREIGN,
                "this certificate was not issued by this collector, or by a CA that has retired; enrol the host again",
            )
        until = certificate.not_valid_after_utc + timedelta(days=pki.LATE_DAYS if late else 0)
        if now > until:
            raise JoiningRefused(
                RefusalName.CERTIFICATE_EXPIRED,
                f"this certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}, over {pki.LATE_DAYS} days "
                "ago; enrol the host again with a --replace token",
            )
        if now < certificate.not_valid_before_utc:
            raise JoiningRefused(
                RefusalName.CLOCK_OFF,
                f"this certificate begins at {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC, and it is "
                f"{now:%Y-%m-%d %H:%M} here: the collector's clock was set back",
            )
        return certificate

    # ------------------------------------------------------------------ over time

    def renew_server(self, *, now: datetime) -> bool:
        """Renews what ports show where it is due: whether it was. The site's own is the site's matter."""
        with self._lock:
            of = next((own for own in self.own if own.issued(pki.load_certificate(self._files.chain))), self.issuing)
            renewed = pki.renew_server(of, self._files, now=now)
            chain = self._files.of("enrolment.crt")
            if self.old is not None and chain.exists():
                kept = pki.ServerFiles(self._files.ca, self._files.ca_key, chain, self._files.of("enrolment.key"))
                renewed = pki.renew_server(self.old, kept, now=now) or renewed
            return renewed

    def rotate(self, *, now: datetime) -> str:
        """Begins a rollover: a new CA issues from now on, both are trusted. Its fingerprint. Raises NotAllowed while
        one runs."""
        with self._lock:
            if self.old is not None:
                raise NotAllowed("a rollover runs already: `ca status` says who is missing, `ca retire` ends it")
            files = self._files
            made = pki.Authority.create(self.issuing.names(), now=now)
            pki.write_private(files.of("collector-id"), f"{self.collector_id}\n".encode(), mode=0o644)
            pki.write_private(files.of("ca-next.key"), made.key_pem)
            pki.write_private(files.of("ca-next.crt"), made.certificate_pem, mode=0o644)
            _finish_rotation(files)
            self._read()
            return self.issuing.fingerprint

    def switch(self, *, now: datetime) -> bool:
        """Streams are shown a certificate of the new CA from now on; whether they were not before."""
        with self._lock:
            if self.old is None or self.serves_new:
                return False
            pki.make_server(self.issuing, self._files, self._server_names(), now=now)
            return True

    def retire(self, *, now: datetime) -> str:
        """The old CA is no longer trusted, its key is gone. Its fingerprint. Raises NotAllowed without a rollover."""
        self.switch(now=now)
        with self._lock:
            old, files = self.old, self._files
            if old is None:
                raise NotAllowed("no rollover runs: there is one CA, and it issues")
            pki.write_private(files.of(f"ca-retired-{old.fingerprint[:8]}.crt"), old.certificate_pem, mode=0o644)
            files.of("ca-old.crt").unlink(missing_ok=True)
            _finish_retiring(files)
            self.old = None
            return old.fingerprint

    def _server_names(self) -> tuple[str, ...]:
        return pki.alternative_names(pki.load_certificate(self._files.chain))


def _finish_rotation(files: pki.ServerFiles) -> None:
    """From ca-next.* on every step may be done again: the old CA is put aside, then the new one takes its place."""
    following, following_key = files.of("ca-next.crt"), files.of("ca-next.key")
    if not following.exists():
        # Killed before the certificate was written: nothing was begun.
        following_key.unlink(missing_ok=True)
        return
    present = files.ca.read_bytes()
    if following_key.exists() and present != following.read_bytes():
        pki.write_private(files.of("ca-old.key"), files.ca_key.read_bytes())
        pki.write_private(files.of("ca-old.crt"), present, mode=0o644)
        pki.write_private(files.of("enrolment.key"), files.key.read_bytes())
        pki.write_private(files.of("enrolment.crt"), files.chain.read_bytes(), mode=0o644)
        following_key.replace(files.ca_key)
    following.replace(files.ca)


def _finish_retiring(files: pki.ServerFiles) -> None:
    """Without its certificate the old CA is gone, and so must its key be, also where a kill came between."""
    if not files.of("ca-old.crt").exists():
        for name in ("ca-old.key", "enrolment.crt", "enrolment.key"):
            files.of(name).unlink(missing_ok=True)


def _fingerprints(pem: bytes) -> tuple[str, ...]:
    try:
        found: Iterable[x509.Certificate] = x509.load_pem_x509_certificates(pem) if pem.strip() else ()
    except pki.UNREADABLE as error:
        raise ConfigError((f"tls: certificates of a CA cannot be read: {error}",)) from error
    return tuple(hashlib.sha256(one.public_bytes(serialization.Encoding.DER)).hexdigest() for one in found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from error
