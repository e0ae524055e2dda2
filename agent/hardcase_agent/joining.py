"""Joining a collector: once, by a ticket. `enroll` (`enrolling.py`) makes the ticket from its options, `FileJoining`
from the drop-in file at the first start of the service.

The key lies on the disk before anything is asked with it, so that whoever asks again, after a lost answer or while a
person decides, asks with the same key and takes no second use of the token.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hardcase_agent.config import CollectorSettings
from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    ConfigError,
    EnrolmentRefused,
    WaitingForApproval,
)
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.domain.toml_tree import tree_of
from hardcase_agent.proxies import proxy_for
from hardcase_agent.secrets import FileSecrets
from hardcase_agent.uplink import identity
from hardcase_agent.uplink.backoff import Backoff
from hardcase_agent.uplink.endpoint import ENROLMENT_PORT, TELEMETRY_PORT, target_of
from hardcase_agent.uplink.refusals import CLOCK_TOLD_MS, clock_sentence

log = logging.getLogger(__name__)

CREDENTIAL = "hardcase.join"
REFUSED_FILE = "join-refused"
"""Hash of a drop-in file that was refused: not tried again before it is another one, also after a restart."""
LARGEST = 16 * 1024
LOOK_S = 10.0
"""How often a drop-in file, or an identity that `enroll` made beside the service, is looked for."""
POLL_S = 30.0
"""How often a host that waits for approval asks, and up to twice that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What it takes to join. As the keys of the drop-in file."""

    collector: str
    """host or host:port of the enrolment port."""
    token: str = field(default="", repr=False)
    token_file: str = ""
    """"file:/path" or "credential:NAME", in place of `token`."""
    fingerprint: str = ""
    """SHA-256 of the CA's certificate."""
    ca: str = ""
    """File with the CA's certificate, in place of fetching it by its fingerprint."""
    server_name: str = ""
    certificate: str = ""
    """Certificate that the site issued, in place of one of the collector's; `collector` is then the telemetry port."""
    key: str = ""

    def __post_init__(self) -> None:
        target_of(self.collector, ENROLMENT_PORT)
        if bool(self.token) == bool(self.token_file):
            raise ValueError("one of token and token_file must be given")
        if not self.fingerprint and not self.ca:
            raise ValueError("give fingerprint or ca: the token is sent to no server that is not known")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key are given together or not at all")
        if any(character.isspace() for character in self.token):
            raise ValueError("token must be one word, as `hardcase-collector token make` printed it")

    @property
    def target(self) -> str:
        return target_of(self.collector, TELEMETRY_PORT if self.certificate else ENROLMENT_PORT)

    def secret(self) -> str:
        """The token. Raises ConfigError."""
        return self.token or FileSecrets().read(self.token_file).strip()


async def join(ticket: Ticket, settings: CollectorSettings, host: Asset, state_dir: Path, clock: Clock) -> str:
    """One try; the identity is stored. What is to be told of this host's clock, "" = nothing.

    Raises EnrolmentRefused, WaitingForApproval, CollectorUnreachable, AccessDenied, ConfigError.
    """
    from hardcase_agent.uplink import enrol, keys  # bring the cryptography library, 8 MB, once in a host's life

    target = ticket.target
    server = enrol.Server(
        target=target,
        server_name=ticket.server_name or settings.server_name,
        proxy=proxy_for(settings, target),
    )
    if ticket.ca:
        ca_pem = enrol.read_ca(Path(ticket.ca), ticket.fingerprint)
    else:
        ca_pem = await enrol.fetch_ca(server, ticket.fingerprint)
    wall_ms = clock.now().wall_ms
    if ticket.certificate:
        own = enrol.Own(Path(ticket.certificate), Path(ticket.key))
        joined = await enrol.bring(server, ca_pem, ticket.secret(), host, own=own, wall_ms=wall_ms)
    else:
        key_pem = identity.stored_key(state_dir)
        if key_pem is None:
            key_pem = keys.new_key_pem()
            identity.store_key(state_dir, key_pem)
        joined = await enrol.enroll(server, ca_pem, ticket.secret(), host, key_pem=key_pem, wall_ms=wall_ms)
    identity.store(state_dir, joined.identity)
    identity.end_joining(state_dir)
    log.info("audit: enrolled: id=%s collector=%s", joined.identity.agent_id, target)
    return clock_sentence(joined.clock_off_ms) if abs(joined.clock_off_ms) > CLOCK_TOLD_MS else ""


def read_ticket(text: str, place: str) -> Ticket:
    """A drop-in file. Raises ConfigError with every mistake; never a value of it."""
    try:
        table = tree_of(text)
    except ValueError as error:
        raise ConfigError((f"{place}: not TOML: {error}",)) from error
    mistakes: list[str] = []
    ticket = read_settings(Ticket, table, path=place, mistakes=mistakes)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return ticket


class FileJoining:
    """Joins by the drop-in file as soon as there is one. `chance` gives 0..1."""

    def __init__(
        self,
        *,
        host: Asset,
        clock: Clock,
        state_dir: Path,
        chance: Callable[[], float],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._host = host
        self._clock = clock
        self._state_dir = state_dir
        self._chance = chance
        self._environment = environment
        self._backoff = Backoff()
        self._said = ""

    async def once(self, settings: CollectorSettings) -> float:
        """One try, where there is a file that was not refused; seconds until the next, 0 = this host has joined."""
        try:
            found = self._read(settings)
            if found is None:
                return LOOK_S
            place, text = found
            ticket = read_ticket(text, place)
            told = await join(ticket, settings, self._host, self._state_dir, self._clock)
        except WaitingForApproval as error:
            self._say(logging.WARNING, f"waiting for approval: {error}")
            return POLL_S * (1 + self._chance())
        except EnrolmentRefused as error:
            if not error.refusal:
                # Not the collector's word: another server answers there, or a file of ours is wrong. Nothing was sent.
                self._say(logging.ERROR, f"this host cannot join: {error}")
                return POLL_S * (1 + self._chance())
            self._say(logging.ERROR, f"this host cannot join: {error}. Not tried again before {place} is another one")
            self._refuse(text)
            return LOOK_S
        except AgentError as error:
            self._say(logging.WARNING, f"this host cannot join yet: {error}")
            return self._backoff.delay_s(self._chance())
        self._say(logging.INFO, f"joined by {place}, which is needed no longer")
        if told:
            log.warning("%s: set it (timedatectl)", told)
        return 0.0

    def _read(self, settings: CollectorSettings) -> tuple[str, str] | None:
        """Place and text of the file. None: there is none, or it was refused. Raises AccessDenied."""
        folder = self._environment.get("CREDENTIALS_DIRECTORY", "")
        places = [(Path(folder) / CREDENTIAL, False)] if folder else []
        for path, guarded in (*places, (settings.join, True)):
            text = _text(path, guarded=guarded)
            if text is not None:
                return None if _digest(text) == self._refused() else (str(path), text)
        return None

    def _refused(self) -> str:
        try:
            return (self._state_dir / REFUSED_FILE).read_text().strip()
        except OSError:
            return ""

    def _refuse(self, text: str) -> None:
        try:
            identity.write_private(self._state_dir / REFUSED_FILE, _digest(text) + "\n")
        except AccessDenied as error:
            log.error("that the file was refused cannot be kept: %s", error)

    def _say(self, level: int, line: str) -> None:
        """Once, not at each try."""
        if line != self._said:
            self._said = line
            log.log(level, "%s", line)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _text(path: Path, *, guarded: bool) -> str | None:
    """None = there is no such file. Raises AccessDenied where others may read it, or may have written it."""
    try:
        with path.open("rb") as file:
            told = os.fstat(file.fileno())
            if guarded and told.st_uid not in (0, os.geteuid()):
                raise AccessDenied(f"{path} belongs to another user than root: it is not believed")
            if guarded and told.st_mode & 0o027:
                raise AccessDenied(f"{path} may be read by others, it holds a token: chmod 0640 {path}")
            return file.read(LARGEST).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccessDenied(f"{path} cannot be read: {error.strerror}; chgrp hardcase-agent {path}") from error
