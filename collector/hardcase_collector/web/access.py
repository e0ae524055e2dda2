"""Who may see and do what on the pages: sessions, their forms' tokens, passwords of one's own.

Used by `pages/` and `sign_in.py`. Passwords are `passwords.py`, how often one may be wrong is `throttle.py`. Sessions
lie in the state store by their hash only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from hardcase_collector.cases.workflow import Deed, may
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.errors import NotAllowed, NotFound, StoreFailed, TemporaryError
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.people import WebSession
from hardcase_collector.domain.ports import StateStore, Transaction, User
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.web.passwords import hash_password, hashed_as_now, password_matches
from hardcase_collector.web.throttle import LoginThrottle

TOUCH_MS = 60_000
"""How exactly it is known when a session was used last: each page would else write to the store."""


class TooManyAttempts(NotAllowed):
    """Too many wrong passwords for this name or from this address; wait five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The one behind a request."""

    user: User
    role: Role
    form_token: str
    """What every form he sends must carry."""
    session: str = ""
    """Hash of the session he came with."""

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


def form_token(secret: str) -> str:
    """Bound to the session's secret, so it needs no store and dies with the session."""
    digest = hmac.new(secret.encode("utf-8"), b"hardcase form token", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8"), wanted.encode("utf-8"))


class Sessions:
    """Logins. Blocking: call from a thread."""

    def __init__(self, store: StateStore, *, hours: float, idle_minutes: float = 60.0) -> None:
        """A session ends after `hours`, and where it was not used for `idle_minutes`."""
        self._store = store
        self._length_ms = int(hours * 3_600_000)
        self._idle_ms = int(idle_minutes * 60_000)
        self._throttle = LoginThrottle()

    @property
    def length_s(self) -> int:
        return self._length_ms // 1000

    def log_in(self, name: str, password: str, *, address: str, now_ms: int) -> str | None:
        """The new session's secret; None: name or password wrong, or locked. Raises TooManyAttempts, StoreFailed."""
        user = self._proven(name, password, address=address, now_ms=now_ms)
        if user is None:
            return None
        secret = secrets.token_urlsafe(32)
        rehashed = "" if hashed_as_now(user.password_hash) else hash_password(password)
        with self._store.write() as tx:
            present = tx.access.user(name)
            if present is None or present.password_hash != user.password_hash:
                return None
            if rehashed:
                tx.access.keep_password(name, rehashed)
            tx.access.add_session(
                hash=secret_hash(secret),
                user=name,
                expires_ms=now_ms + self._length_ms,
                at_ms=now_ms,
                address=address,
            )
            tx.access.audit(at_ms=now_ms, actor=name, action="login", subject=name, facts={"address": address})
        self._throttle.succeeded(address)
        return secret

    def _proven(self, name: str, password: str, *, address: str, now_ms: int) -> User | None:
        """None: wrong, or locked; both are answered alike and take as long."""
        with self._store.read() as tx:
            user = tx.access.user(name)
        if not self._throttle.admit(name, address, now_ms=now_ms):
            raise TooManyAttempts("too many wrong passwords; wait five minutes")
        try:
            right = password_matches(user, password)
        except TemporaryError:
            self._throttle.proved(name, address, now_ms=now_ms)
            raise
        if right and user is not None and not user.locked:
            self._throttle.proved(name, address, now_ms=now_ms)
            return user
        facts: dict[str, Fact] = {"address": address}
        if user is not None and user.locked:
            facts["locked"] = True
        with self._store.write() as tx:
            tx.access.audit(at_ms=now_ms, actor=address, action="login.refused", subject=name[:64], facts=facts)
        return None

    def person(self, secret: str, *, now_ms: int) -> Person | None:
        """Who this session belongs to; None: nobody, or it is over."""
        if not secret:
            return None
        hash = secret_hash(secret)
        with self._store.read() as tx:
            user = tx.access.session_user(hash, now_ms=now_ms, idle_ms=self._idle_ms)
            kept = tx.access.session(hash) if user is not None else None
        if user is None or kept is None:
            return None
        if now_ms - kept.seen_ms >= TOUCH_MS:
            # Pages are read also while nothing can be written.
            with suppress(StoreFailed), self._store.write() as tx:
                tx.access.touch_session(hash, now_ms=now_ms)
        return Person(user=user, role=Role(user.role), form_token=form_token(secret), session=hash)

    def log_out(self, secret: str, *, now_ms: int) -> None:
        with self._store.write() as tx:
            user = tx.access.session_user(secret_hash(secret), now_ms=now_ms)
            tx.access.end_session(secret_hash(secret))
            if user is not None:
                tx.access.audit(at_ms=now_ms, actor=user.name, action="logout", subject=user.name, facts={})

    # ------------------------------------------------------------------ one's own

    def change_password(self, person: Person, old: str, new: str, *, address: str, now_ms: int) -> None:
        """His other sessions end. Raises NotAllowed (wrong, too short, the same), TooManyAttempts."""
        user = self._proven(person.user.name, old, address=address, now_ms=now_ms)
        if user is None:
            raise NotAllowed("the present password is another one")
        if old == new:
            raise NotAllowed("the new password is the present one")
        hashed = hash_password(new)
        with self._store.write() as tx:
            present = tx.access.user(user.name)
            if present is None or present.locked or present.password_hash != user.password_hash:
                raise NotAllowed("this account was changed meanwhile; sign in again")
            changed = replace(present, password_hash=hashed, must_change=False)
            tx.access.change_user(changed, but=person.session)
            tx.access.audit(at_ms=now_ms, actor=user.name, action="password.changed", subject=user.name, facts={})

    def open_sessions(self, person: Person, *, now_ms: int) -> Sequence[WebSession]:
        with self._store.read() as tx:
            found = tx.access.sessions(user=person.user.name, customer=None, now_ms=now_ms)
        return [one for one in found if one.seen_ms > now_ms - self._idle_ms]

    def end_session(self, person: Person, id: str, *, now_ms: int) -> None:
        """One of his own by its id; "" = all but this one. Raises NotFound."""
        with self._store.write() as tx:
            ended = end_sessions(tx, person.user.name, id, but=person.session, now_ms=now_ms)
            facts: dict[str, Fact] = {"sessions": ended}
            tx.access.audit(
                at_ms=now_ms, actor=person.user.name, action="session.ended", subject=person.user.name, facts=facts
            )


def end_sessions(tx: Transaction, user: str, id: str, *, but: str = "", now_ms: int) -> int:
    """Of one user: that of this id, or all but that of the hash `but`; how many. Raises NotFound."""
    if not id:
        return tx.access.end_sessions_of(user, but=but)
    found = [one for one in tx.access.sessions(user=user, customer=None, now_ms=now_ms) if one.id == id]
    if not found:
        raise NotFound("{user} has no session {id}", user=user, id=id)
    for one in found:
        tx.access.end_session(one.hash)
    return len(found)
