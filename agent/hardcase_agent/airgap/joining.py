"""An identity without a network: the request that is carried to the collector, and the answer that comes back.

The key never leaves this host: it waits beside the identity until the answer is there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from hardcase_agent.airgap.files import read_whole, write_whole
from hardcase_agent.domain.errors import AccessDenied, FileRefused
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.uplink import keys
from hardcase_agent.uplink.airgap import LARGEST_ANSWER, hash_of, identity_request, read_answer
from hardcase_agent.uplink.identity import Identity

REQUEST = "identity-request.json"


def make_request(state_dir: Path, target: Path, host: Asset, now: Moment) -> None:
    """A new key and the file that asks for its certificate. Raises ExportFailed, AccessDenied."""
    key_pem = keys.new_key_pem()
    content = identity_request(host, key_pem, now)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise AccessDenied(f"{state_dir} cannot be made: {error.strerror}") from error
    # Before the request: what asks for an identity must not leave while its key may still be lost.
    kept = {"key_pem": key_pem.decode(), "request": hash_of(content).hex()}
    write_whole(state_dir / REQUEST, json.dumps(kept).encode())
    write_whole(target, content)


def request_path(target: Path, host: Asset) -> Path:
    """In a folder the request is named after the host."""
    return target / f"{host.hostname or 'host'}.hcq" if target.is_dir() else target


def take_answer(state_dir: Path, answer: Path, ca_fingerprint: bytes) -> Identity:
    """The identity in it, not stored yet. Raises FileRefused, AccessDenied."""
    try:
        kept = json.loads((state_dir / REQUEST).read_text(encoding="utf-8"))
        key_pem, request = str(kept["key_pem"]), bytes.fromhex(kept["request"])
    except FileNotFoundError:
        raise FileRefused("this host made no request: hardcase-agent export --request FILE makes one") from None
    except OSError as error:
        raise AccessDenied(f"{state_dir / REQUEST} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FileRefused(f"{state_dir / REQUEST} is damaged: make a new request") from error
    told = read_answer(read_whole(answer, LARGEST_ANSWER), request=request, ca_fingerprint=ca_fingerprint)
    not_before_ms, not_after_ms = keys.validity_ms(told.certificate_pem.encode(), key_pem.encode())
    return Identity(
        agent_id=told.agent_id,
        enrolment="",
        server_name="",
        ca_pem=told.ca_pem,
        certificate_pem=told.certificate_pem,
        key_pem=key_pem,
        not_before_ms=not_before_ms,
        not_after_ms=not_after_ms,
    )


def request_done(state_dir: Path) -> None:
    """The identity is stored: the key is in it now."""
    (state_dir / REQUEST).unlink(missing_ok=True)


def owned_by_folder(state_dir: Path) -> None:
    """What root made in the state folder goes to whom the folder belongs."""
    if os.geteuid() != 0:
        return
    told = state_dir.stat()
    for name in (REQUEST, "exports.json", "exports.lock"):
        try:
            os.chown(state_dir / name, told.st_uid, told.st_gid, follow_symlinks=False)
        except FileNotFoundError:
            continue
