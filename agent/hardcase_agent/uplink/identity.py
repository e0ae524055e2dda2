"""Who this agent is to the collector: key, certificate and CAs in one private file, replaced as a whole.

`enrol.py` writes it, `client.py` reads it. Needs no cryptography library, which costs 8 MB of memory. Beside it, while
the agent joins, lies the key it asks with: who asks again, asks with the same key.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import zlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from hardcase_agent.domain.errors import AccessDenied, EnrolmentRefused

FILE = "identity.json"
KEY_FILE = "joining.key"
RENEW_SHARE = (2, 3)
"""Renewed at two thirds of its life: months are left for a collector that is away."""
SPREAD = 32
"""Of a fleet that joined in one hour, each is due at its own moment within the next 32nd of the life: twelve days."""
_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    agent_id: str
    enrolment: str
    """host:port of the enrolment service, for renewal."""
    server_name: str
    ca_pem: str
    """Every CA that is trusted: two while one follows the other."""
    certificate_pem: str
    key_pem: str = field(repr=False)
    not_before_ms: int
    not_after_ms: int
    telemetry: str = ""
    """host:port of the telemetry port, as the collector told at enrolment; collector.address goes before it."""
    certificate_file: str = ""
    """Certificate and key that the site issued, read at each connection; then the site renews them."""
    key_file: str = ""

    @property
    def brought(self) -> bool:
        return bool(self.certificate_file)

    def renewal_due(self, wall_ms: int) -> bool:
        share, whole = RENEW_SHARE
        life = self.not_after_ms - self.not_before_ms
        own = zlib.crc32(self.agent_id.encode()) % 1000
        return not self.brought and wall_ms >= self.not_before_ms + life * share // whole + life * own // (
            SPREAD * 1000
        )

    def expired(self, wall_ms: int) -> bool:
        """By this host's clock."""
        return not self.brought and wall_ms >= self.not_after_ms

    def roots(self) -> tuple[bytes, ...]:
        """SHA-256 of each CA that is trusted."""
        return tuple(hashlib.sha256(der).digest() for der in certificates(self.ca_pem))

    def pair(self) -> tuple[bytes, bytes]:
        """Key and certificate chain, PEM. Raises AccessDenied."""
        if not self.brought:
            return self.key_pem.encode(), self.certificate_pem.encode()
        try:
            return Path(self.key_file).read_bytes(), Path(self.certificate_file).read_bytes()
        except OSError as error:
            raise AccessDenied(f"{error.filename} cannot be read: {error.strerror}") from error


def certificates(pem: str) -> list[bytes]:
    """DER of each certificate. Raises ValueError."""
    blocks = pem[pem.find("-----BEGIN") :].split(_END)[:-1] if "-----BEGIN" in pem else []
    return [ssl.PEM_cert_to_DER_cert(block[block.index("-----BEGIN") :].strip() + "\n" + _END) for block in blocks]


def load(state_dir: Path) -> Identity | None:
    """None = not enrolled yet. Raises EnrolmentRefused if the file is damaged, AccessDenied if others may read it."""
    path = state_dir / FILE
    text = _read_private(path)
    if text is None:
        return None
    try:
        told = json.loads(text)
        # What a later version added is passed over.
        return Identity(**{key: told[key] for key in {one.name for one in fields(Identity)} & set(told)})
    except (ValueError, TypeError) as error:
        raise EnrolmentRefused(f"{path} is damaged; remove it and enroll again") from error


def store(state_dir: Path, identity: Identity) -> None:
    """Atomic and synced: after power loss there is the old identity or the new one. Raises AccessDenied."""
    write_private(state_dir / FILE, json.dumps(asdict(identity)))


def stored_key(state_dir: Path) -> bytes | None:
    """The key this host asked with before. Raises AccessDenied if others may read it."""
    text = _read_private(state_dir / KEY_FILE)
    return None if text is None else text.encode()


def store_key(state_dir: Path, key_pem: bytes) -> None:
    """Before anything is asked with it. Raises AccessDenied."""
    write_private(state_dir / KEY_FILE, key_pem.decode())


def end_joining(state_dir: Path) -> None:
    """The key is in identity.json now. Raises AccessDenied."""
    try:
        (state_dir / KEY_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise AccessDenied(f"{state_dir / KEY_FILE} cannot be removed: {error.strerror}") from error


def _read_private(path: Path) -> str | None:
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccessDenied(f"{path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise AccessDenied(f"{path} may be read by others; it holds the private key: chmod 0600 {path}")
    return text


def write_private(path: Path, text: str) -> None:
    """Mode 0600, atomic and synced. Raises AccessDenied."""
    state_dir = path.parent
    fresh = state_dir / (path.name + ".new")
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            if os.geteuid() == 0:
                # `enroll` is run by root, the service by its own user: the file goes to whom the folder belongs.
                folder_of = state_dir.stat()
                os.fchown(file.fileno(), folder_of.st_uid, folder_of.st_gid)
        os.replace(fresh, path)
        folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise AccessDenied(f"{path} cannot be written: {error.strerror}") from error
