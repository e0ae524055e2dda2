"""When a failing source is asked again, and what is said of it. One per source; `sampler.py` drives it."""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.domain.errors import AgentError, CredentialsRefused, DeviceAbsent, DeviceHung
from hardcase_agent.domain.event import SourceState

FAILURES_TO_OPEN = 3
"""One lost packet or busy answer is ordinary; three sweeps in a row are not."""
OPEN_MS = (60_000, 300_000, 900_000, 3_600_000)
"""1, 5, 15, 60 minutes (design 2.2): a dead BMC costs one question an hour."""
NEVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from one answer. `retry_ms`: not before this instant; None = by its period; NEVER = not again."""

    state: SourceState
    detail: str
    failures: int
    retry_ms: int | None
    changed: bool
    """The state differs from the one said before, or the breaker opened: this travels and is logged."""


class Breaker:
    """Closed, open until an instant, or refused for good. A new configuration makes a new one."""

    def __init__(self) -> None:
        self._failures = 0
        self._opened = 0
        self._said: SourceState | None = None

    def succeeded(self, *, stretched: bool = False, detail: str = "") -> Verdict:
        self._failures = 0
        self._opened = 0
        return self._verdict(SourceState.STRETCHED if stretched else SourceState.OK, detail, None)

    def failed(self, error: BaseException, now_ms: int) -> Verdict:
        """`error` is what the sweep raised; anything that is not an AgentError counts as failing."""
        self._failures += 1
        state = state_of(error)
        detail = describe(error)
        if state is SourceState.REFUSED:
            # A second try with a wrong password locks the account on many BMCs.
            return self._verdict(state, detail, NEVER)
        if self._failures < FAILURES_TO_OPEN:
            return self._verdict(state, detail, None)
        step = min(self._opened, len(OPEN_MS) - 1)
        self._opened += 1
        return self._verdict(state, detail, now_ms + OPEN_MS[step])

    def _verdict(self, state: SourceState, detail: str, retry_ms: int | None) -> Verdict:
        changed = state is not self._said
        self._said = state
        return Verdict(state=state, detail=detail, failures=self._failures, retry_ms=retry_ms, changed=changed)


def state_of(error: BaseException) -> SourceState:
    """The condition an error means."""
    if isinstance(error, CredentialsRefused):
        return SourceState.REFUSED
    if isinstance(error, DeviceHung):
        return SourceState.HUNG
    if isinstance(error, DeviceAbsent):
        return SourceState.ABSENT
    return SourceState.FAILING


def describe(error: BaseException) -> str:
    """One line for people: the message of a named error; of any other, its kind too, because that is a defect."""
    text = " ".join(str(error).split())[:500]
    if isinstance(error, AgentError):
        return text or (type(error).__doc__ or type(error).__name__).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
