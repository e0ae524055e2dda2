"""What plans would have meant for the cases of a year, as a table. Used by `plans.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hardcase_collector.commands import talk
from hardcase_collector.tongue import _, heads, ngettext

if TYPE_CHECKING:
    from hardcase_collector.commands.plan_words import Language


def show(review: Mapping[str, Any], names: Sequence[str], language: Language) -> None:
    from hardcase_collector.commands import plan_words as words
    from hardcase_collector.plans.plan import ClockKind

    rows: list[tuple[object, ...]] = [
        (words.word(kind, language), *(_tally(review["clocks"][name].get(str(kind)), language) for name in names))
        for kind in ClockKind
        if any(str(kind) in review["clocks"][name] for name in names)
    ]
    rows.append((_("paid now"), *(_paid(review["paid"][name]) for name in names)))
    title = ngettext("{cases} case under each plan", "{cases} cases under each plan", review["cases"])
    title = title.format(cases=review["cases"])
    if review["left_out"]:
        title += _(", {left_out} older ones left out").format(left_out=review["left_out"])
    talk.say()
    talk.show_table(title, [*heads("clock"), *names], rows, empty="")


def _tally(tally: Mapping[str, int] | None, language: Language) -> str:
    """8 met, 2 breached (worst 1h30m), ..."""
    from hardcase_collector.commands import plan_words as words

    if tally is None:
        return words.word("none", language)
    told = [
        f"{tally[state]} {words.word(state, language)}"
        for state in ("met", "breached", "waived", "running")
        if tally[state]
    ]
    if tally["breached"]:
        told.append(_("worst {length}").format(length=words.duration(tally["worst_ms"])))
    return ", ".join(told) or "0"


def _paid(paid: Mapping[str, Any]) -> str:
    amounts = ", ".join(f"{amount} {currency}" for currency, amount in sorted(paid["amounts"].items()))
    told = ngettext("{count} entitlement, {amounts}", "{count} entitlements, {amounts}", paid["entitlements"])
    return told.format(count=paid["entitlements"], amounts=amounts or "-")
