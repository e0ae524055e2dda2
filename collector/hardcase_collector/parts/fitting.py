"""Which spares fit a part: its own number first, then what the site's table of fits says of it. Pure.

Asked when a part is requested, and by `risk.py`. No fit is shipped with the program: what fits what is known to the
site and its vendors, not to us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from hardcase_collector.domain.asset import AssetFacts, Part
from hardcase_collector.domain.spares import SpareFit

# How much a matching field says, the most telling first: the failed part's own number leaves nothing to guess.
_WEIGHTS = {"part_number": 8, "part_model": 4, "asset_model": 2, "vendor": 1}


def candidates(
    part: Part,
    facts: AssetFacts,
    fits: Iterable[SpareFit],
    *,
    in_catalogue: Callable[[str], bool],
    interchangeable: Callable[[str], Sequence[str]],
) -> tuple[str, ...]:
    """Part numbers that would do, the best first, each followed by those interchangeable with it.

    `fits`: those of the part's component.
    """
    own = part.part_number.strip()
    found = [own] if own and in_catalogue(own) else []
    if own and not found:
        found += [other for other in interchangeable(own) if in_catalogue(other)]
    ranked = sorted(
        ((weight, fit.spare) for fit in fits if (weight := _weight(fit, part, facts)) is not None),
        key=lambda one: -one[0],
    )
    found += [spare for _, spare in ranked]
    wide = [number for spare in found for number in (spare, *interchangeable(spare)) if in_catalogue(number)]
    return tuple(dict.fromkeys(wide))


def _weight(fit: SpareFit, part: Part, facts: AssetFacts) -> int | None:
    """How telling the fit is for this part; None: it does not fit, or says nothing but the component."""
    if fit.component != part.component:
        return None
    told = {
        "part_number": part.part_number,
        "part_model": part.model,
        "asset_model": facts.model,
        "vendor": facts.vendor,
    }
    weight = 0
    for name, value in told.items():
        pattern = getattr(fit, name)
        if not pattern:
            continue
        exact = name == "part_number"
        same = _bare(value) == _bare(pattern) if exact else fnmatchcase(_bare(value), _bare(pattern))
        if not same:
            return None
        weight += _WEIGHTS[name]
    return weight or None


def _bare(text: str) -> str:
    return " ".join(text.split()).casefold()
