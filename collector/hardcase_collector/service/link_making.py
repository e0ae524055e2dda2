"""Makes links without login, one meaning each. Used wherever one goes out; opened and acted on by `links.py`.

The token is known to this moment alone: it is handed to whoever asked, goes out with this one notification, and is kept
as its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.link import Link, LinkPurpose, NewLink
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.stored import SentLink

_DAY_MS = 86_400_000
TOKEN_BYTES = 32
"""256 random bits: not to be guessed in the age of the universe, whatever the rate."""
_LASTS_MS = {
    LinkPurpose.CONSENT: 14 * _DAY_MS,
    LinkPurpose.ENGINEER: 7 * _DAY_MS,
    LinkPurpose.SIGNATURE: 30 * _DAY_MS,
    LinkPurpose.SATISFACTION: 30 * _DAY_MS,
}
"""An engineer's visit is over in a week; a customer may come back from his holidays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Whom a link is for."""

    name: str
    language: str = "en"
    mail: str = ""


class Subject(Protocol):
    """What a link is about: a stored proposal, visit, service report or follow-up."""

    @property
    def id(self) -> int: ...


def hash_of(token: str) -> str:
    """As a link is stored and found."""
    return hashlib.sha256(token.encode()).hexdigest()


class LinkMaker:
    def __init__(self, announcer: Announcer, *, tokens: Callable[[], str], address: Callable[[str], str]) -> None:
        """`tokens`: gives a new random one, TOKEN_BYTES long or more; `address`: token -> URL of its page."""
        self._announcer = announcer
        self._tokens = tokens
        self.address = address

    def make(
        self,
        tx: Transaction,
        case: Case,
        purpose: LinkPurpose,
        subject: Subject,
        whom: Addressee,
        *,
        by: str,
        now_ms: int,
        quote: int | None = None,
        until_ms: int = 0,
    ) -> NewLink:
        """Takes back the person's earlier link of the same purpose. `until_ms`: ends sooner than usual."""
        for older in tx.repairs.links(case.id):
            if older.purpose is purpose and older.whom == whom.name and not older.revoked_ms:
                tx.repairs.revoke_link(older.id, now_ms=now_ms)
        token = self._tokens()
        expires_ms = now_ms + _LASTS_MS[purpose]
        link = tx.repairs.add_link(
            Link(
                hash=hash_of(token),
                purpose=purpose,
                case=case.id,
                subject=subject.id,
                quote=quote,
                whom=whom.name,
                language=whom.language,
                by=by,
                made_ms=now_ms,
                expires_ms=min(expires_ms, until_ms) if until_ms else expires_ms,
            )
        )
        sent = SentLink(
            purpose=str(purpose), url=self.address(token), whom=whom.name, mail=whom.mail, language=whom.language
        )
        CaseFile(tx, self._announcer).change(
            # The case may have moved since the caller looked.
            tx.cases.get(case.id),
            "link_made",
            Occasion(now_ms=now_ms, actor=by, link=sent),
            {"purpose": str(purpose), "whom": whom.name, "expires_ms": link.expires_ms},
        )
        return NewLink(link=link, token=token)
