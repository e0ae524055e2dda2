"""Judging of what is no frame: conditions of sources, liveness; and what runs out by time. Events: `events.py`.

Called by `engine`. Findings of events and liveness belong to the asset (feed 0), those of a source to its feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hardcase_collector.domain.finding import Fact, Severity, Transition
from hardcase_collector.domain.observation import SourceStatus
from hardcase_collector.rules import events
from hardcase_collector.rules.compiled import Watch
from hardcase_collector.rules.debounce import wakes_at
from hardcase_collector.rules.evidence import step
from hardcase_collector.rules.feed_state import Facts, FeedState, Occasion
from hardcase_collector.rules.gaps import feed_part
from hardcase_collector.rules.sheet import Condition

LIVENESS = "liveness"


def occasion_of(state: FeedState, *, asset: int, time_ms: int, backlog: bool, rehearsal: bool, own: bool) -> Occasion:
    """`own`: the finding belongs to the feed, not to its asset."""
    return Occasion(
        asset=asset,
        feed=state.feed.number if own else 0,
        time_ms=time_ms,
        backlog=backlog,
        rehearsal=rehearsal or state.rehearsal,
    )


def judge_status(
    state: FeedState, occasion: Occasion, status: SourceStatus, watches: Iterable[Watch]
) -> list[Transition]:
    """One condition of a source against the rules about sources."""
    found = []
    source = status.stamp.source
    for watch in watches:
        rule = watch.rule
        if not rule.match.takes_source(source):
            continue
        level = max((int(severity) for severity, words in rule.statuses if status.state in words), default=0)
        if not level and rule.cleared_by and status.state not in rule.cleared_by:
            continue
        part = feed_part(watch, source)
        key = (watch.id, part.key(), "")
        if not level and key not in state.keyed:
            continue
        keyed = state.keyed_for(key, part)
        if keyed is None:
            continue
        made = step(occasion, watch, keyed.track, level, part=part, sensor="", facts=_status_facts(status))
        if made is not None:
            found.append(made)
        state.drop_trivial(key)
    return found


def run_out(state: FeedState, occasion: Occasion, now_ms: int, watches: Mapping[int, Watch]) -> list[Transition]:
    """What time alone ends up to `now_ms`: events that did not come again, unstable findings that stayed calm.

    Each gets the time at which it ran out, so that it does not matter when somebody looked.
    """
    found = []
    for key in list(state.keyed):
        keyed, watch = state.keyed[key], watches.get(key[0])
        if watch is None or watch.rule.condition is Condition.MISSING:
            continue
        if 0 < keyed.expires_ms <= now_ms:
            at = _at(state, occasion, watch, keyed.expires_ms)
            if events.waits(watch, keyed):
                found += events.settled(state, at, watch, key)
                continue
            keyed.expires_ms, keyed.code = 0, ""
            keyed.track.times.clear()
            found += _refed(state, at, watch, key, 0)
        wake = wakes_at(keyed.track, watch.damping)
        if wake is not None and wake <= now_ms:
            found += _refed(state, _at(state, occasion, watch, wake), watch, key, keyed.track.level)
        state.drop_trivial(key)
    return found


def _at(state: FeedState, occasion: Occasion, watch: Watch, time_ms: int) -> Occasion:
    of_asset = watch.rule.condition is Condition.EVENT or state.feed.source == LIVENESS
    return Occasion(
        asset=occasion.asset,
        feed=0 if of_asset else state.feed.number,
        time_ms=time_ms,
        backlog=occasion.backlog,
        rehearsal=occasion.rehearsal,
    )


def _refed(
    state: FeedState, occasion: Occasion, watch: Watch, key: tuple[int, str, str], level: int
) -> list[Transition]:
    keyed = state.keyed[key]

    def facts(_: Severity) -> dict[str, Fact]:
        return {"reason": "quiet", "clear_after_s": watch.rule.clear_after_s}

    state.stable = None
    made = step(occasion, watch, keyed.track, level, part=keyed.part, sensor=key[2], facts=facts)
    return [] if made is None else [made]


def _status_facts(status: SourceStatus) -> Facts:
    def facts(_: Severity) -> dict[str, Fact]:
        return {
            "source": status.stamp.source,
            "state": status.state,
            "text": status.detail,
            "failures": status.failures,
            "period_ms": status.period_ms,
        }

    return facts
