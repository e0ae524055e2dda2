"""Who this agent is to the collector: key, certificate and CA in one private file, replaced as a whole.

`enrol.py` writes it, `client.py` reads it. Needs no cryptography library, which costs 8 MB of memory.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hardcase_agent.domain.errors import AccessDenied, EnrolmentRefused

FILE = "identity.json"
RENEW_SHARE = (2, 3)
"""Renewed at two thirds of its life: weeks are left for a collector that is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    agent_id: str
    enrolment: str
    """host:port of the enrolment service, for renewal."""
    server_name: str
    ca_pem: str
    certificate_pem: str
    key_pem: str = field(repr=False)
    not_before_ms: int
    not_after_ms: int

    def renewal_due(self, wall_ms: int) -> bool:
        share, whole = RENEW_SHARE
        return wall_ms >= self.not_before_ms + (self.not_after_ms - self.not_before_ms) * share // whole


def load(state_dir: Path) -> Identity | None:
    """None = not enrolled yet. Raises EnrolmentRefused if the file is damaged, AccessDenied if others may read it."""
    path = state_dir / FILE
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccessDenied(f"{path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise AccessDenied(f"{path} may be read by others; it holds the private key: chmod 0600 {path}")
    try:
        return Identity(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise EnrolmentRefused(f"{path} is damaged; remove it and enroll again") from error


def store(state_dir: Path, identity: Identity) -> None:
    """Atomic and synced: after power loss there is the old identity or the new one. Raises AccessDenied."""
    path = state_dir / FILE
    fresh = state_dir / (FILE + ".new")
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(identity), file)
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
