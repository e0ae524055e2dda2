"""What captures over time list of a machine's parts, and which part a later one misses. Pure.

`captured.py` gathers the listings; `offline.py` plays them as inventories. A capture says nothing of what it did not
look at: of a part that is not in a later one it is told why that is no loss, unless it is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from hardcase_collector.domain.asset import Part


@dataclass(slots=True)
class Listing:
    """What one file says of one source's parts."""

    file: str
    parts: dict[str, Part] = field(default_factory=dict)
    """By key; those that only a sensor speaks of are in `heard`."""
    heard: set[str] = field(default_factory=set)
    errors: set[str] = field(default_factory=set)
    """What of the file could not be decoded, in words."""
    time_ms: int = 0
    """Of its first reading; 0: it has none, or tells no time that could be ordered by."""
    told: bool = False

    def take(self, other: Listing) -> None:
        self.parts.update(other.parts)
        self.heard |= other.heard
        self.errors |= other.errors
        if not self.time_ms:
            self.time_ms, self.told = other.time_ms, other.told


@dataclass(frozen=True, slots=True)
class Listed:
    """One capture's parts as the rules shall see them."""

    parts: tuple[Part, ...]
    missed: tuple[Part, ...]
    """Gone since the capture before."""
    kept: tuple[tuple[Part, str], ...]
    """Not in it, and why that is no loss: other_parts, errors, none_of_its_class, heard, replaced, renamed."""
    time_ms: int
    told: bool


def by_capture(listings: Iterable[Listing]) -> list[Listing]:
    """One listing a capture, in the order of their times where they tell them.

    A capture is a file. Files of one folder that name no part twice are one capture: smartctl speaks of one disk.
    """
    files: dict[str, Listing] = {}
    for one in listings:
        files.setdefault(one.file, Listing(one.file)).take(one)
    folders: dict[str, list[Listing]] = {}
    for one in files.values():
        if one.parts:
            folders.setdefault(str(PurePath(one.file).parent), []).append(one)
    captures: list[Listing] = []
    for within in folders.values():
        keys = [key for one in within for key in one.parts]
        if len(set(keys)) < len(keys):
            captures += within
            continue
        whole = Listing(within[0].file)
        for one in within:
            whole.take(one)
        captures.append(whole)
    if all(one.told for one in captures):
        captures.sort(key=lambda one: one.time_ms)
    return captures


def compared(captures: Sequence[Listing]) -> list[Listed]:
    """Each capture beside those before it. What is kept stays among the parts, and is looked for in the next one."""
    found: list[Listed] = []
    present: dict[str, Part] = {}
    for number, now in enumerate(captures):
        before = next((one for one in reversed(captures[:number]) if _same_machine_and_kind(one, now)), None)
        kept, missed = {}, []
        for key, part in present.items():
            if key in now.parts:
                continue
            because = "other_parts" if before is None or key not in before.parts else _explained(part, before, now)
            if because:
                kept[key] = (part, because)
            else:
                missed.append(part)
        # What stands in its slot now takes its place, or the rules would see both.
        stays = {key: part for key, (part, because) in kept.items() if because != "replaced"}
        parts = tuple({**stays, **now.parts}.values())
        present = {**stays, **now.parts}
        found.append(Listed(parts, tuple(missed), tuple(kept.values()), now.time_ms, now.told))
    return found


def _same_machine_and_kind(before: Listing, now: Listing) -> bool:
    """Half of what was there is still listed: another machine or tool would share nothing, and a capture of one disk
    little."""
    shared = len(before.parts.keys() & now.parts.keys())
    return shared > 0 and 2 * shared >= len(before.parts)


def _explained(part: Part, before: Listing, now: Listing) -> str:
    """Why this part's absence is no loss; "" where nothing explains it."""
    if part.key() in now.heard or (part.serial and part.serial in {one.serial for one in now.parts.values()}):
        return "heard"
    if part.slot and any((one.component, one.slot) == (part.component, part.slot) for one in now.parts.values()):
        return "replaced"
    if now.errors - before.errors:
        return "errors"
    if not any(one.component == part.component for one in now.parts.values()):
        # All of them at once: a tool that did not look, or whose table this capture leaves out.
        return "none_of_its_class"
    new = (one for key, one in now.parts.items() if key not in before.parts)
    if _by_kernel_name(part) and any(one.component == part.component and _by_kernel_name(one) for one in new):
        return "renamed"
    return ""


def _by_kernel_name(part: Part) -> bool:
    """Known by nothing but "sdb": after the next boot that is another disk."""
    return not part.serial and f"/dev/{part.slot}" in part.paths
