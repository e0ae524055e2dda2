"""The body of a notification: a case event as CloudEvents 1.0 JSON. Pure; built at commit time by `announcer.py`.

A receiver may keep the newest `data.case.version` of each case and forget the rest: every event tells the whole case.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from hardcase_collector.domain.advice import Counsel, Live
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.finding import Fact, Why
from hardcase_collector.domain.ports import CaseNews, FindingRow

Title = Callable[[str, str], str]
"""(fault class, language) -> its title."""
Counsellor = Callable[[Case, Live], Counsel | None]
"""What to do about a case, in the live state of its asset; None where no sheet says."""
LANGUAGES = ("en", "zh")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A case has a handful of findings; a flood of them would make a body that receivers refuse. How many there are is told.
_FINDINGS_TOLD = 20
_TEXT_TOLD = 4000
"""Characters of one text: a person's note is whole, what a device prints without end is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What is the same in every event of this collector."""

    source: str
    """CloudEvents source, e.g. "urn:hardcase:<id of the collector>"."""
    page_url: str
    """Start of the address of a case's page, e.g. "https://hardcase.example/cases/"; "" = there is none."""
    title: Title
    counsel: Counsellor = lambda case, live: None


def event_id(news: CaseNews, sender: Sender) -> str:
    """The same in every attempt and on every channel; another collector's, or a rebuilt one's, differs by its source.

    No dot: the signature joins id, time and body by dots.
    """
    return f"{sender.source.rpartition(':')[2][:8]}-{news.case.number}-v{news.entry.version}"


def event_type(news: CaseNews) -> str:
    return f"io.hardcase.case.{news.entry.code}.v1"


def cloud_event(news: CaseNews, sender: Sender, live: Live) -> bytes:
    """UTF-8 JSON. `live`: of the case's asset."""
    over = news.case.state in (CaseState.CLOSED, CaseState.CANCELLED)
    counsel = None if over else sender.counsel(news.case, live)
    body = {
        "specversion": "1.0",
        "id": event_id(news, sender),
        "source": sender.source,
        "type": event_type(news),
        "subject": news.case.number,
        "time": rfc3339(news.entry.at_ms),
        "datacontenttype": "application/json",
        "data": {
            "rehearsal": news.case.rehearsal,
            "url": f"{sender.page_url}{news.case.number}" if sender.page_url else None,
            "case": _case(news, sender.title),
            "asset": _asset(news),
            "part": _part(news),
            "event": _event(news),
            "findings": [_finding(row) for row in news.findings[:_FINDINGS_TOLD]],
            "findings_firing": len(news.findings),
            "why": None if news.why is None else _why(news.why),
            "advice": None if counsel is None else {language: counsel.said(language) for language in LANGUAGES},
            # Whoever receives this passes it on to its person; no other event carries it.
            **({} if news.link is None else {"link": asdict(news.link)}),
        },
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def _case(news: CaseNews, title: Title) -> dict[str, object]:
    case = news.case
    first = case.fault_classes[0] if case.fault_classes else ""
    return {
        "number": case.number,
        "version": news.entry.version,
        "state": str(case.state),
        "severity": case.severity.word,
        "repair_group": case.repair_group,
        "fault_classes": list(case.fault_classes),
        # What a person wrote is told as he wrote it, in whatever language.
        "title": {language: case.title or title(first, language) for language in LANGUAGES},
        "origin": str(case.origin),
        "priority": str(case.priority),
        "outcome": str(case.outcome) or None,
        "since": rfc3339(case.since_ms),
        "opened": rfc3339(case.opened_ms),
        "closed": rfc3339(case.closed_ms) if case.closed_ms else None,
        "acknowledged": rfc3339(case.acknowledged_ms) if case.acknowledged_ms else None,
        "acknowledged_by": case.acknowledged_by or None,
        "reopened": case.reopened,
        "unstable": case.unstable,
        "storm": news.storm or None,
    }


def _asset(news: CaseNews) -> dict[str, object]:
    facts = news.asset.facts
    return {
        "key": news.asset.key,
        "customer": news.asset.customer,
        "kind": facts.kind,
        "vendor": facts.vendor,
        "model": facts.model,
        "serial": facts.serial,
        "hostname": facts.hostname,
        "address": facts.address,
    }


def _part(news: CaseNews) -> dict[str, object]:
    part = news.case.part
    return {
        "component": part.component,
        "slot": part.slot,
        "model": part.model,
        "serial": part.serial,
        "part_number": part.part_number,
        "firmware": part.firmware,
    }


def _event(news: CaseNews) -> dict[str, object]:
    return {
        "code": news.entry.code,
        "actor": news.entry.actor,
        "at": rfc3339(news.entry.at_ms),
        "parameters": _clean(news.entry.parameters),
    }


def _finding(row: FindingRow) -> dict[str, object]:
    return {
        "rule": row.key.rule,
        "fault_class": row.fault_class,
        "severity": row.severity.word,
        "since": rfc3339(row.since_ms),
        "evidence": _clean(row.evidence),
    }


def _why(why: Why) -> dict[str, object]:
    return {"reason": why.reason, "rule": why.rule, "facts": _clean(why.facts)}


def _clean(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """JSON has no word for NaN and infinity: null, never 0."""
    return {
        name: value[: _TEXT_TOLD - 1] + "…" if isinstance(value, str) and len(value) > _TEXT_TOLD else _number(value)
        for name, value in facts.items()
    }


def _number(value: Fact) -> Fact:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rfc3339(at_ms: int) -> str | None:
    """RFC 3339 in UTC with milliseconds; None where a device's clock is beyond the calendar."""
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
