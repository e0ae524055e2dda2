"""What the plan commands say: words of closed sets, headings, durations, in the language given. Used by `plans.py`.

The words are in the pages' catalogue, as "plan.repair".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from hardcase_collector import tongue
from hardcase_collector.plans.plan import Coverage, Moment, Price, Promise
from hardcase_collector.plans.told import promise_facts


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


def word(name: str, language: Language) -> str:
    """Raises KeyError for a word there is none for."""
    return _said(f"plan.{name}", language)


def _said(key: str, language: Language, **parameters: object) -> str:
    found = tongue.catalogue(tongue.PAGES, language)
    text = found.gettext(key) if found else key
    if text == key:
        raise KeyError(key)
    return text.format(**parameters)


def duration(ms: int) -> str:
    """4h, 1h30m, -20m: people read hours; half a minute and more is a minute."""
    minutes = (abs(ms) + 30_000) // 60_000
    hours, rest = divmod(minutes, 60)
    text = (f"{hours}h" if hours else "") + (f"{rest}m" if rest or not hours else "")
    return f"-{text}" if ms < 0 and minutes else text


def promise(one: Promise | None, language: Language) -> str:
    """4h of 7x24 from the report."""
    return promised(None if one is None else promise_facts(one), language)


def promised(facts: Mapping[str, Any] | None, language: Language) -> str:
    """The same of a promise as `plans/told.py` tells it."""
    if facts is None:
        return word("none", language)
    if days := facts["coverage_day"]:
        amount = _said("plan_say.day", language, days=days)
    else:
        amount = duration(facts["within_s"] * 1000)
    start, window, cut_off = word(facts["start"], language), facts["window"], facts["cut_off_minute"]
    parts = [_said("plan_say.promise", language, amount=amount, window=window, start=start)]
    if cut_off is not None:
        parts.append(_said("plan_say.cut_off", language, cut=f"{cut_off // 60:02d}:{cut_off % 60:02d}"))
    if days := facts["set_up_days"]:
        parts.append(_said("plan_say.set_up", language, days=days))
    return _said("plan_say.comma", language).join(parts)


def moment(one: Moment, language: Language) -> str:
    return word(one, language)


def coverage(one: Coverage, language: Language) -> dict[str, str]:
    """Rows by heading."""

    def years(count: int) -> str:
        return _said("plan_say.years", language, n=count) if count else word("none", language)

    def flag(value: bool) -> str:
        return word("yes" if value else "no", language)

    provider = "vendor_itself" if one.provider == "vendor" else one.provider
    return {
        word("parts", language): years(one.parts_years),
        word("labour", language): years(one.labour_years),
        word("on_site", language): years(one.on_site_years),
        word("provider", language): word(provider, language),
        word("carry_in", language): flag(one.carry_in),
        word("same_engineer", language): flag(one.same_engineer),
        word("phone_for_life", language): flag(one.phone_for_life),
        word("quoted", language): ", ".join(word(name, language) for name in one.quoted) or word("none", language),
        word("pre_consent", language): ", ".join(word(name, language) for name in one.pre_consent)
        or word("none", language),
    }


def price(one: Price, language: Language) -> str:
    amount = f"{one.low:,}" if one.low == one.high else f"{one.low:,} - {one.high:,}"
    years = _said("plan_say.years", language, n=one.years)
    return f"{amount} {one.currency} / {years}: {one.machine[language]}"
