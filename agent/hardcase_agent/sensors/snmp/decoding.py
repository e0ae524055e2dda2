"""The kind `snmp` of captures: a recorded walk as readings and parts. Called by `decoding.py` of the command `decode`.

A thin door over the live path: `walk_text.py` brings the objects, profiles make sensors of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded
from hardcase_agent.sensors.snmp.identity import Told, identify
from hardcase_agent.sensors.snmp.layout import Item, is_present, lay_out, parts_of, without_replaced
from hardcase_agent.sensors.snmp.look import answers_as
from hardcase_agent.sensors.snmp.measure import decode as measured
from hardcase_agent.sensors.snmp.objects import Objects
from hardcase_agent.sensors.snmp.profile import makers, shipped_profiles_where
from hardcase_agent.sensors.snmp.specs import Profile
from hardcase_agent.sensors.snmp.walk_text import read_walk

SOURCE = "snmp"


def decode(capture: Capture) -> Iterable[Decoded]:
    """Everything in the capture. Raises nothing."""
    walk = read_walk(capture.text)
    yield from walk.flaws
    if walk.objects:
        yield from _of_device(Objects(walk.objects))


def lay_out_all(shown: Objects) -> list[tuple[Profile, tuple[Item, ...]]]:
    """The profiles that fit, with their sensors."""
    fitting = (profile for profile in shipped_profiles_where(shown.has_below) if is_present(profile, shown))
    return without_replaced((profile, lay_out(profile, shown)) for profile in fitting)


def _of_device(shown: Objects) -> Iterator[Decoded]:
    found = lay_out_all(shown)
    asset = identify(shown, [profile for profile, _ in found], Told(), makers())
    if not any(items and not profile.generic for profile, items in found):
        yield _nothing_known(shown, found)
    listed = dict.fromkeys(part for profile, _ in found for part in parts_of(profile, shown))
    for part in listed:
        yield Listed(asset=asset, source=SOURCE, part=part)
    for _, items in found:
        for item in items:
            yield Seen(asset=asset, source=SOURCE, sensor=item.sensor, reading=measured(item, shown))


def _nothing_known(shown: Objects, found: list[tuple[Profile, tuple[Item, ...]]]) -> Undecoded:
    fitting = ", ".join(profile.title for profile, items in found if not items and not profile.generic)
    standards = ", ".join(profile.title for profile, items in found if items)
    only = "no profile knows it"
    if fitting:
        only = f"it shows nothing that {fitting} could read"
    elif standards:
        only = f"only {standards} is known"
    message = f"its hardware's health is not told, which is not health: {only}; {answers_as(shown)}"
    return Undecoded(flaw=Flaw.NOTHING_KNOWN, message=message[:199])
