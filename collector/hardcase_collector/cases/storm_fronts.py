"""What a finding counts for: kinds of storms and their scopes, and when there are enough at once. For `storms.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.customer import Custody
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.noise import Counted, StormKind, StormScope, StormSeen

_TEXT_KEPT = 80
BREADTH = tuple(StormScope)
"""The narrowest first: a storm over a wider scope takes those within it under its own."""


@dataclass(frozen=True, slots=True)
class Front:
    """One kind of storm that this finding may be part of, and where."""

    kind: StormKind
    scope: str
    label: str
    """The scope as people know it."""


def fronts_of(
    kinds: Iterable[StormKind], transition: Transition, asset: Asset, custody: Custody | None
) -> Sequence[Front]:
    """Every kind and scope that this finding counts for, the narrowest first. A drill counts for none."""
    if transition.rehearsal:
        return ()
    found = []
    for kind in kinds:
        if _counts(transition.fault_class, kind.classes):
            for scope, label in _scopes(kind.scope, transition, asset, custody):
                found.append(Front(kind, f"{kind.scope}:{scope}", label))
    return sorted(found, key=lambda front: BREADTH.index(front.kind.scope))


def together(kind: StormKind, seen: Sequence[StormSeen], newest: StormSeen) -> Sequence[StormSeen]:
    """All that lies within one window with `newest`, where that is enough; `seen`: in the order of their times."""
    for first in seen:
        if 0 <= newest.at_ms - first.at_ms <= kind.window_ms:
            within = [one for one in seen if 0 <= one.at_ms - first.at_ms <= kind.window_ms]
            if enough(kind, within):
                return within
    return ()


def enough(kind: StormKind, seen: Sequence[StormSeen]) -> bool:
    if len({_subject(kind, one) for one in seen}) < kind.count:
        return False
    return kind.racks <= 1 or len({one.rack or one.asset for one in seen}) >= kind.racks


def _subject(kind: StormKind, one: StormSeen) -> int:
    if kind.counted is Counted.FINDINGS:
        return one.finding
    return one.case if kind.counted is Counted.CASES else one.asset


@lru_cache(maxsize=4096)
def _counts(fault_class: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(fault_class, pattern) for pattern in patterns)


def _scopes(
    scope: StormScope, transition: Transition, asset: Asset, custody: Custody | None
) -> Iterable[tuple[str, str]]:
    """(key, label) of every place of this kind that the finding is at. Never shared between customers."""
    customer = _word(asset.customer)
    if scope is StormScope.ASSET:
        return [(str(asset.id), "")]
    if scope is StormScope.ENCLOSURE:
        shelf = transition.part.slot.rpartition(":")[0]
        return [(f"{asset.id}/{_word(shelf)}", shelf)]
    if scope is StormScope.MESSAGE:
        return _message(transition, customer)
    if custody is None:
        return []
    site = _word(custody.site)
    if scope is StormScope.FEED:
        return [(f"{customer}/{site}/{_word(feed)}", _joined(custody.site, feed)) for feed in custody.feeds]
    if scope is StormScope.RACK:
        return [(f"{customer}/{site}/{_word(custody.rack)}", _joined(custody.site, custody.rack))] * bool(custody.rack)
    return [(f"{customer}/{site}", custody.site)] * bool(custody.site)


def _message(transition: Transition, customer: str) -> Iterable[tuple[str, str]]:
    if "log" not in transition.evidence:
        return []
    code = str(transition.evidence.get("code") or transition.evidence.get("text") or "")[:_TEXT_KEPT]
    return [(f"{customer}/{_word(transition.key.rule)}/{_word(code)}", code)] * bool(code)


def rack_of(custody: Custody | None) -> str:
    return f"{_word(custody.site)}/{_word(custody.rack)}" if custody is not None and custody.rack else ""


def _joined(*words: str) -> str:
    return "/".join(word for word in words if word)


def _word(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F")
