"""The ports for people's sessions, API tokens, kept answers and the audit log: parts of `AccessStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.people import ApiToken, KeptAnswer, WebSession
from hardcase_collector.domain.stored import AuditEntry, AuditFilter, AuditSeal, User


class PeopleStore(Protocol):
    def add_user(self, user: User) -> None:
        """Raises NotAllowed where a user or an automation has this name."""

    def user(self, name: str) -> User | None: ...
    def users(self, *, customer: str | None) -> Sequence[User]:
        """None = all of them, also those who are no customer's."""

    def change_user(self, user: User, *, but: str = "") -> None:
        """Everything but the name; the user's sessions end, all but that of this hash. Raises NotFound."""

    def keep_password(self, name: str, password_hash: str) -> None:
        """The same password, hashed anew: nothing else changes."""

    def remove_user(self, name: str) -> None:
        """With the user's sessions and API tokens. Raises NotFound."""

    def add_session(self, *, hash: str, user: str, expires_ms: int, at_ms: int = 0, address: str = "") -> None: ...
    def session_user(self, hash: str, *, now_ms: int, idle_ms: int | None = None) -> User | None:
        """None also for a session that was not used for `idle_ms`, and for a user who is locked."""

    def session(self, hash: str) -> WebSession | None: ...
    def sessions(self, *, user: str | None, customer: str | None, now_ms: int) -> Sequence[WebSession]:
        """Not yet over; newest first."""

    def touch_session(self, hash: str, *, now_ms: int) -> None: ...
    def end_session(self, hash: str) -> None: ...
    def end_sessions_of(self, user: str, *, but: str = "") -> int:
        """All of them, but the one of this hash; how many."""

    def end_sessions_before(self, now_ms: int) -> None: ...

    def add_api_token(self, token: ApiToken) -> ApiToken:
        """With its number. Raises NotAllowed for an automation that is called as a user is."""

    def api_token(self, hash: str) -> ApiToken | None: ...
    def api_tokens(self, *, customer: str | None, user: str | None = None) -> Sequence[ApiToken]:
        """Also revoked and expired ones. Of a customer: those that are held to him, and his users'."""

    def api_token_used(self, id: int, *, day_ms: int) -> None: ...
    def revoke_api_token(self, id: int, *, now_ms: int) -> None:
        """Raises NotFound."""

    def keep_answer(self, answer: KeptAnswer) -> None:
        """The first of a key is kept; its status and body are filled in by a later one."""

    def kept_answer(self, token: int, key: str) -> KeptAnswer | None: ...
    def drop_answers_before(self, at_ms: int) -> None: ...


class AuditStore(Protocol):
    """Entries are added and read. What lets them change, and what shows it, is `storage/state/audit_store.py`."""

    def audit(self, *, at_ms: int, actor: str, action: str, subject: str, facts: Mapping[str, Fact]) -> None: ...
    def audits(self, *, customer: str | None, limit: int) -> Sequence[AuditEntry]:
        """Newest first. Of a customer: about him, his things and his people, and what these did."""

    def audits_where(self, which: AuditFilter) -> Sequence[AuditEntry]:
        """Newest first, or from the oldest on after a number."""

    def audit_seals(self, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[AuditEntry | None, AuditSeal]]:
        """Oldest first: every seal with its entry, None where the entry is gone."""

    def audit_unsealed(self) -> int:
        """How many entries have no seal."""

    def audit_openings(self) -> Mapping[str, int]:
        """Why entries were changed or let go of -> how many."""
