"""Does this finding open a case now? One pure decision, asked by the desk; its reason becomes the stored why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.cases.silence import LOOK_AGAIN_MS, host_is_off
from hardcase_collector.domain.asset import Asset, AssetMode
from hardcase_collector.domain.finding import Fact, Severity, Transition
from hardcase_collector.domain.ports import FindingRow, Window

LATE_LOG_MS = 5 * 60_000
"""A device's log is read in portions, its period is 15 s, and a clock that was never set stamps its lines with the time
of reading: so much later a line may tell what was there when the list of joining was settled."""


class Held(StrEnum):
    """Why a firing finding has no open case; stored with the finding."""

    WARNING = "warning"
    JOINING = "joining"
    OBSERVE = "observe"
    WINDOW = "window"
    BACKLOG = "backlog"
    HISTORY = "history"
    ACCEPTED = "accepted"
    """A person took it as baseline; it opens when it gets worse or comes back."""
    SETTLED = "settled"
    """A person closed or cancelled its case while it fired."""
    HOST_OFF = "host_off"
    """The machine is off, and so is its agent: looked at again until one of them is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """held None: it opens or joins a case. until_ms 0: held without end."""

    held: Held | None
    reason: str = ""
    """Code of the stored why where it is held."""
    until_ms: int = 0
    facts: Mapping[str, Fact] = field(default_factory=dict)


_OPENS = Admission(held=None)


def admit(
    transition: Transition,
    asset: Asset,
    windows: Sequence[Window],
    accepted: Sequence[FindingRow] = (),
    *,
    now_ms: int,
    backlog_hold_ms: int,
) -> Admission:
    """`windows`: those that hold at the reading's time (at `now_ms` for a finding whose hold ended).

    `accepted`: what a person took as baseline and still fires; asked for where `told_by_log_at_joining`.
    """
    if not transition.opens:
        return Admission(held=Held.WARNING, reason="warning_only", facts={"severity": transition.severity.word})
    for decision in (
        _observed(transition, asset),
        _history(transition, asset),
        _joining(transition, asset, now_ms),
        _accepted(transition, asset, accepted),
        _in_window(transition, windows, now_ms, backlog_hold_ms),
        _off(transition, now_ms),
        _backlog(transition, now_ms + backlog_hold_ms),
    ):
        if decision is not None:
            return decision
    return _OPENS


def _observed(transition: Transition, asset: Asset) -> Admission | None:
    observed = asset.mode is AssetMode.OBSERVE and not transition.rehearsal
    return Admission(held=Held.OBSERVE, reason="observe") if observed else None


def _history(transition: Transition, asset: Asset) -> Admission | None:
    """A log line older than the join tells of a past that nobody here was asked to mend."""
    if "log" not in transition.evidence or transition.time_ms >= asset.joined_ms:
        return None
    return Admission(held=Held.HISTORY, reason="history", facts={"joined_ms": asset.joined_ms})


def _joining(transition: Transition, asset: Asset, now_ms: int) -> Admission | None:
    joining = asset.mode is AssetMode.JOINING and now_ms < asset.live_from_ms
    # A drill is meant to be seen now, and what a device itself calls critical never waits a day.
    if not joining or transition.rehearsal or _asserted_critical(transition):
        return None
    return Admission(
        held=Held.JOINING, reason="joining", until_ms=asset.live_from_ms, facts={"live_from_ms": asset.live_from_ms}
    )


def told_by_log_at_joining(transition: Transition, asset: Asset) -> bool:
    """A line of a log that may be older than the end of the asset's joining."""
    return (
        asset.mode is AssetMode.LIVE
        and "log" in transition.evidence
        and transition.time_ms < asset.live_from_ms + LATE_LOG_MS
    )


def _accepted(transition: Transition, asset: Asset, accepted: Sequence[FindingRow]) -> Admission | None:
    """The log's own word for what was accepted: same part, same repair, no worse."""
    if not told_by_log_at_joining(transition, asset):
        return None
    for row in accepted:
        other = row.held == Held.ACCEPTED and row.key != transition.key
        same = (row.part.key(), row.repair_group) == (transition.part.key(), transition.repair_group)
        if other and same and transition.severity <= row.severity:
            return Admission(held=Held.ACCEPTED, reason="accepted", facts={"with": row.fault_class})
    return None


def _asserted_critical(transition: Transition) -> bool:
    return transition.device_asserted and transition.severity is Severity.CRITICAL


def _in_window(
    transition: Transition, windows: Sequence[Window], now_ms: int, backlog_hold_ms: int
) -> Admission | None:
    if not windows:
        return None
    last = max(windows, key=lambda window: window.until_ms)
    # Of a window that was over before its agent could tell, the end is the end of the backlog: also for what is
    # critical, because somebody was at work there.
    told_late = transition.backlog and last.until_ms <= now_ms
    return Admission(
        held=Held.BACKLOG if told_late else Held.WINDOW,
        reason="window",
        until_ms=now_ms + backlog_hold_ms if told_late else last.until_ms,
        facts={"window": last.id.hex(), "until_ms": last.until_ms, "by": last.by, "window_reason": last.reason},
    )


def _off(transition: Transition, now_ms: int) -> Admission | None:
    off = host_is_off(transition)
    return Admission(held=Held.HOST_OFF, reason="host_off", until_ms=now_ms + LOOK_AGAIN_MS) if off else None


def _backlog(transition: Transition, until_ms: int) -> Admission | None:
    """Old news may be over: it waits for the end of the backlog, but not long, and not where it is critical."""
    if not transition.backlog or transition.severity is Severity.CRITICAL:
        return None
    return Admission(held=Held.BACKLOG, reason="backlog", until_ms=until_ms, facts={"until_ms": until_ms})
