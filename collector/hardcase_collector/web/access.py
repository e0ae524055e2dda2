"""Who may see and do what on the pages: passwords, sessions, form tokens, throttled logins.

Used by `pages.py` and `sign_in.py`; passwords also by `init` and the users command. Sessions lie in the state store
by their hash only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import argon2

from hardcase_collector.cases.workflow import Deed, may
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.ports import StateStore, User
from hardcase_collector.domain.token import secret_hash

MIN_PASSWORD = 12
FAILURES_OF_NAME = 5
FAILURES_OF_ADDRESS = 25  # Several people may sit behind one address.
WINDOW_MS = 300_000
REMEMBERED_KEYS = 4096

_HASHER = argon2.PasswordHasher()
# Checked for names that do not exist, so that a name cannot be told by the time of the answer.
_NOBODY = _HASHER.hash(secrets.token_hex(16))


class TooManyAttempts(NotAllowed):
    """Too many wrong passwords for this name or from this address; wait five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The one behind a request."""

    user: User
    role: Role
    form_token: str
    """What every form he sends must carry."""

    @property
    def customer(self) -> str | None:
        """The scope of everything he sees; None = all customers."""
        return self.user.customer

    @property
    def actor(self) -> Actor:
        return Actor(name=self.user.name, role=self.role, customer=self.user.customer)

    def may(self, deed: str) -> bool:
        """For templates: whether to offer it. Raises ValueError for what is no deed."""
        return may(self.role, Deed(deed))


def hash_password(password: str) -> str:
    """Argon2id. Raises NotAllowed for a short password."""
    if len(password) < MIN_PASSWORD:
        raise NotAllowed(f"a password has at least {MIN_PASSWORD} characters")
    return _HASHER.hash(password)


def password_matches(user: User | None, password: str) -> bool:
    """Takes as long for nobody as for somebody."""
    try:
        return _HASHER.verify(user.password_hash if user else _NOBODY, password) and user is not None
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def form_token(secret: str) -> str:
    """Bound to the session's secret, so it needs no store and dies with the session."""
    digest = hmac.new(secret.encode("utf-8"), b"hardcase form token", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8"), wanted.encode("utf-8"))


class LoginThrottle:
    """Counts wrong passwords per name at an address and per address; bounded, and empty again after a restart.

    Never per name alone: anybody could then lock out the administrator.
    """

    def __init__(self) -> None:
        self._failures: dict[str, list[int]] = {}

    def blocked(self, name: str, address: str, *, now_ms: int) -> bool:
        of_name = len(self._recent(f"{address} {name}", now_ms))
        return of_name >= FAILURES_OF_NAME or len(self._recent(address, now_ms)) >= FAILURES_OF_ADDRESS

    def failed(self, name: str, address: str, *, now_ms: int) -> None:
        for key in (f"{address} {name}", address):
            recent = self._recent(key, now_ms)
            self._failures.pop(key, None)
            if len(self._failures) >= REMEMBERED_KEYS:
                del self._failures[next(iter(self._failures))]
            self._failures[key] = [*recent, now_ms]

    def _recent(self, key: str, now_ms: int) -> list[int]:
        return [at_ms for at_ms in self._failures.get(key, ()) if now_ms - at_ms < WINDOW_MS]


class Sessions:
    """Logins. Blocking: call from a thread."""

    def __init__(self, store: StateStore, *, hours: float) -> None:
        self._store = store
        self._length_ms = int(hours * 3_600_000)
        self._throttle = LoginThrottle()

    @property
    def length_s(self) -> int:
        return self._length_ms // 1000

    def log_in(self, name: str, password: str, *, address: str, now_ms: int) -> str | None:
        """The new session's secret; None: name or password wrong. Raises TooManyAttempts, StoreFailed."""
        if self._throttle.blocked(name, address, now_ms=now_ms):
            raise TooManyAttempts("too many wrong passwords; wait five minutes")
        with self._store.read() as tx:
            user = tx.access.user(name)
        if not password_matches(user, password):
            self._throttle.failed(name, address, now_ms=now_ms)
            with self._store.write() as tx:
                tx.access.audit(
                    at_ms=now_ms, actor=address, action="login.refused", subject=name[:64], facts={"address": address}
                )
            return None
        secret = secrets.token_urlsafe(32)
        with self._store.write() as tx:
            tx.access.add_session(hash=secret_hash(secret), user=name, expires_ms=now_ms + self._length_ms)
            tx.access.audit(at_ms=now_ms, actor=name, action="login", subject=name, facts={"address": address})
        return secret

    def person(self, secret: str, *, now_ms: int) -> Person | None:
        """Who this session belongs to; None: nobody, or it is over."""
        if not secret:
            return None
        with self._store.read() as tx:
            user = tx.access.session_user(secret_hash(secret), now_ms=now_ms)
        if user is None:
            return None
        return Person(user=user, role=Role(user.role), form_token=form_token(secret))

    def log_out(self, secret: str, *, now_ms: int) -> None:
        with self._store.write() as tx:
            user = tx.access.session_user(secret_hash(secret), now_ms=now_ms)
            tx.access.end_session(secret_hash(secret))
            if user is not None:
                tx.access.audit(at_ms=now_ms, actor=user.name, action="logout", subject=user.name, facts={})
