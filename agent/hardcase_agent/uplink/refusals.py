"""Why a collector does not let this host in: its names of causes, what each means here and what to do.

The names are those of `domain/joining.py` of the collector; they travel as metadata `hardcase-refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardcase_agent.domain.errors import AgentError, CollectorUnreachable, EnrolmentRefused, WaitingForApproval

REFUSAL_KEY = "hardcase-refusal"
TIME_KEY = "hardcase-time"
CLOCK_OFF = "clock-off"
WAITING = "waiting-for-approval"
CLOCK_TOLD_MS = 60_000
"""A clock that is off by more is told; as the collector does."""

_MAKE = "make a new one at the collector: hardcase-collector token make"
ADVICE: Mapping[str, str] = {
    "token-unknown": f"the collector does not know this token: is it whole, and of this collector? Else {_MAKE}",
    "token-expired": f"the token has expired; {_MAKE}",
    "token-used-up": f"the token is used up; {_MAKE} --uses N",
    "token-revoked": f"the token was taken back; {_MAKE}",
    "network-not-allowed": "the token is not for hosts of this network: use one that is, or join from an allowed one",
    "serial-not-listed": "the token is for other machines: have this one's serial put into a token's list",
    "refused-by-person": "a person at the collector turned this host away: ask there, then use another token",
    "already-bound": "this host is known there already: if it is the same host, use a token made with --replace",
    "other-customer": "this machine is another customer's in the collector's books",
    "cloned": "another machine has this one's ids: a cloned image. Give this one a machine-id of its own, or use a "
    "token made with --replace if it is the same machine",
    "clock-off": "set this host's clock (timedatectl), then try again",
    "certificate-expired": "its certificate is too old to be renewed: enroll with a token made with --replace",
    "certificate-foreign": "the collector does not know the CA of its certificate: enroll with a token made with "
    "--replace",
    "key-not-proved": "identity.json does not hold the key of its certificate: enroll with a token made with --replace",
    "revoked": "this host's identity was revoked: enroll with a token made with --replace",
    "enrolled-anew": "this host was enrolled anew since, with another identity.json: enroll with a token made with "
    "--replace",
    "unknown-identity": "the collector did not enroll this identity: enroll with a new token",
    "bad-request": "the collector does not understand the request: are agent and collector of versions that fit?",
}
_LATER = frozenset({"too-many-attempts", "too-many-waiting"})


def named(target: str, name: str, sentence: str, collector_ms: int = 0) -> AgentError:
    """The error for a refusal by name."""
    if name == WAITING:
        return WaitingForApproval(sentence)
    if name in _LATER:
        return CollectorUnreachable(f"{target}: {sentence}")
    advice = ADVICE.get(name, "ask who runs the collector")
    return EnrolmentRefused(f"{target} refused ({name}): {sentence}; {advice}", name, collector_ms)


def clock_sentence(off_ms: int) -> str:
    """How far this host's clock is from the collector's; `off_ms` above 0 = ahead."""
    minutes = abs(off_ms) / 60_000
    if minutes >= 1440:
        length = f"{minutes / 1440:.1f} days"
    else:
        length = f"{minutes:.0f} minutes" if minutes >= 2 else f"{abs(off_ms) / 1000:.0f} seconds"
    return f"this host's clock is {length} {'ahead of' if off_ms > 0 else 'behind'} the collector's"
