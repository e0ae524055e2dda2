"""Clocks and promises as plain facts: what the commands print as JSON, what the control socket answers. Pure."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from hardcase_collector.plans.calendar import datetime_of
from hardcase_collector.plans.clocks import Clock
from hardcase_collector.plans.plan import Promise


def iso(at_ms: int, zone: ZoneInfo) -> str:
    return datetime_of(at_ms).astimezone(zone).isoformat(timespec="seconds")


def clock_facts(clock: Clock, zone: ZoneInfo) -> dict[str, Any]:
    """Times are ISO texts by the site's clock, lengths in ms."""
    return {
        "clock": str(clock.kind),
        "round": clock.round,
        "state": str(clock.state),
        "reason": str(clock.reason) if clock.reason else None,
        "actor": clock.actor or None,
        "promise": promise_facts(clock.promise),
        "started": iso(clock.started_ms, zone),
        "due": iso(clock.due_ms, zone),
        "due_ms": clock.due_ms,
        "stopped": iso(clock.stopped_ms, zone) if clock.stopped_ms is not None else None,
        "owed": clock.owed,
        "held": clock.held,
        "budget_ms": clock.budget_ms,
        "used_ms": clock.used_ms,
        "left_ms": clock.left_ms,
        "used_percent": clock.used_percent,
        "forecast": str(clock.forecast),
        "provisional": clock.provisional,
        "steps": [
            {"percent": step.percent, "at": iso(step.at_ms, zone), "reached": step.reached} for step in clock.steps
        ],
        "ledger": [
            {
                "from": iso(line.from_ms, zone),
                "to": iso(line.to_ms, zone),
                "ms": line.length_ms,
                "reason": str(line.reason),
                "counts": line.counts,
                "actor": line.actor or None,
                "provisional": line.provisional,
            }
            for line in clock.ledger
        ],
    }


def promise_facts(promise: Promise) -> dict[str, Any]:
    return {
        "clock": str(promise.clock),
        "priority": [str(one) for one in promise.priorities],
        "start": str(promise.start),
        "stop": [str(one) for one in promise.stop],
        "within_s": promise.within_s or None,
        "coverage_day": promise.coverage_days or None,
        "window": promise.window.name,
        "cut_off_minute": promise.cut_off_minute,
        "calendar": promise.calendar,
        "pauses": sorted(str(one) for one in promise.pauses),
        "self_repair_waives": promise.self_repair_waives,
        "set_up_days": promise.set_up_days,
    }
