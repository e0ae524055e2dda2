"""The port of enrolment tokens, waiting hosts and certificates by key. Part of `AccessStore` in `state_store.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hardcase_collector.domain.joining import IssuedByToken, WaitingHost
from hardcase_collector.domain.stored import EnrolmentToken


class JoiningStore(Protocol):
    """Tokens are known by the hash of their secret."""

    def add_token(self, token: EnrolmentToken) -> None: ...
    def token(self, hash: str) -> EnrolmentToken | None: ...
    def use_token(self, hash: str, *, now_ms: int) -> EnrolmentToken:
        """Takes one use. Raises TokenRefused, whose name says which of unknown, revoked, expired, used up."""

    def tokens(self, *, customer: str | None) -> Sequence[EnrolmentToken]: ...
    def revoke_token(self, hash: str, *, now_ms: int) -> EnrolmentToken:
        """No use of it is taken any more. Raises NotFound."""

    def save_waiting(self, host: WaitingHost) -> None: ...
    def waiting_host(self, *, token: str, key: str) -> WaitingHost | None: ...
    def waiting(self, *, customer: str | None) -> Sequence[WaitingHost]:
        """Also those that were decided and have not asked since, oldest first."""

    def end_waiting(self, *, token: str, key: str) -> None: ...
    def save_issued(self, issued: IssuedByToken) -> None: ...
    def issued(self, *, token: str, key: str) -> IssuedByToken | None: ...
    def forget_joining(self, *, now_ms: int) -> None:
        """Waiting hosts and answers past their time, tokens a year after they ended."""
