"""One CA follows another, as the fleet allows: who still depends on the old one, when streams are shown the new one.

Made by `app.py`; moved on by `upkeep.py`, asked by `ca ...` through the control socket. The CAs themselves: `roots.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import StateStore
from hardcase_collector.roots import Roots

log = structlog.stdlib.get_logger("hardcase_collector")

LIVE_MS = 30 * 86_400_000
"""An agent that was not heard of for so long does not hold up a rollover; it may join again when it comes back."""
NAMED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """An agent that the old CA may not leave yet."""

    id: str
    hostname: str
    customer: str
    last_seen_ms: int
    trusts_new: bool
    own_certificate: str
    """Its client certificate is of the "old" or the "new" CA, or of another ("site", not of ours; "" = not known)."""
    away: bool
    """Not heard of for 30 days: it is named, and holds nothing up."""


class Rollover:
    """Blocking. `tell`: streams are told of CAs; its argument is the CA that has retired, or ""."""

    def __init__(self, roots: Roots, store: StateStore, *, tell: Callable[[str], None]) -> None:
        self._roots = roots
        self._store = store
        self._tell = tell

    @property
    def fingerprint(self) -> str:
        """SHA-256, hex, of the CA that a host which joins is told of."""
        return self._roots.fingerprint

    def status(self, *, customer: str | None, now_ms: int) -> Mapping[str, object]:
        """Plain values, for people and programs; agents of this customer alone, None = all."""
        roots = self._roots
        everybody = self._dependents(now_ms)
        missing = [one for one in everybody if customer in (None, one.customer)]
        return {
            "enrolment_fingerprint": f"sha256:{roots.fingerprint}",
            "issuing": f"sha256:{roots.issuing.fingerprint}",
            "retiring": f"sha256:{roots.retiring}" if roots.retiring else "",
            "trusted": [f"sha256:{one}" for one in roots.trusted()],
            "streams_show": "new" if roots.serves_new else "old",
            "may_retire": bool(roots.retiring) and not any(not one.away for one in everybody),
            "missing": missing[:NAMED],
            "missing_count": len(missing),
            "tokens_with_old_fingerprint": self._old_tokens(now_ms),
        }

    def rotate(self, *, by: str, now_ms: int) -> str:
        """Begins. The new CA's fingerprint. Raises NotAllowed while one runs."""
        made = self._roots.rotate(now=_moment(now_ms))
        self._audit(by, "ca.rotated", made, {"old": self._roots.retiring}, now_ms)
        log.info("CA rollover begins", new=made, old=self._roots.retiring)
        self.go_on(now_ms=now_ms)
        self._tell("")
        return made

    def go_on(self, *, now_ms: int) -> bool:
        """Shows streams the new CA's certificate once every live agent trusts it: whether that was now."""
        if not self._roots.retiring or self._roots.serves_new:
            return False
        if any(not one.trusts_new and not one.away for one in self._dependents(now_ms)):
            return False
        switched = self._roots.switch(now=_moment(now_ms))
        if switched:
            self._audit("collector", "ca.switched", self._roots.issuing.fingerprint, {}, now_ms)
            log.info("streams are shown the new CA's certificate: every live agent trusts it")
        return switched

    def retire(self, *, by: str, force: bool, now_ms: int) -> str:
        """Ends it. The old CA's fingerprint. Raises NotAllowed where an agent still depends on it, unless `force`."""
        missing = [one for one in self._dependents(now_ms) if not one.away]
        if missing and not force:
            more = ", ..." if len(missing) > 5 else ""
            names = ", ".join(one.hostname or one.id for one in missing[:5]) + more
            raise NotAllowed(
                "{missing} live agents still depend on the old CA ({names}): wait until they have renewed "
                "(`ca status` names them), or retire it with --force and enrol them again",
                missing=len(missing),
                names=names,
            )
        gone = self._roots.retire(now=_moment(now_ms))
        facts: dict[str, Fact] = {"forced": bool(missing), "left_behind": len(missing)}
        self._audit(by, "ca.retired", gone, facts, now_ms)
        log.info("old CA retired", old=gone, left_behind=len(missing))
        self._tell(gone)
        return gone

    def _dependents(self, now_ms: int) -> list[Dependent]:
        old, new = self._roots.retiring, set(self._roots.trusted())
        if not old:
            return []
        with self._store.read() as tx:
            agents = tx.agents.all(customer=None)
        found = []
        for agent in agents:
            # Who trusts what is shown, and has a certificate of the new CA, or of the site's own, is through.
            trusts = new <= set(agent.roots.split())
            whose = self._whose(agent, old)
            if agent.revoked or (trusts and whose in ("new", "site")):
                continue
            found.append(
                Dependent(
                    id=agent.id,
                    hostname=agent.hostname,
                    customer=agent.customer,
                    last_seen_ms=agent.last_seen_ms,
                    trusts_new=trusts,
                    own_certificate=whose,
                    away=now_ms - max(agent.last_seen_ms, agent.enrolled_ms) > LIVE_MS,
                )
            )
        return found

    def _whose(self, agent: Agent, old: str) -> str:
        if agent.id.startswith("x509:"):
            return "site"
        return "old" if agent.issuer == old else "new" if agent.issuer == self._roots.issuing.fingerprint else ""

    def _old_tokens(self, now_ms: int) -> int:
        """Tokens that are still good and were printed with a fingerprint that will not be shown after `retire`."""
        old = self._roots.retiring
        if not old:
            return 0
        with self._store.read() as tx:
            tokens = tx.access.tokens(customer=None)
        good = (one for one in tokens if one.expires_ms > now_ms and one.uses_left and not one.revoked_ms)
        return sum(one.root == old for one in good)

    def _audit(self, by: str, action: str, subject: str, facts: dict[str, Fact], now_ms: int) -> None:
        with self._store.write() as tx:
            tx.access.audit(at_ms=now_ms, actor=by, action=action, subject=subject, facts=facts)


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
