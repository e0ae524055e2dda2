"""Which asset an SNMP device is, from the objects it showed. Pure; called by `source.py`.

Maker, model and serial: the configuration, then the profile's objects, then ENTITY-MIB's chassis, then sysObjectID's
enterprise number (maker only). Many devices tell no serial by these: then the address is their identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.part import Asset
from hardcase_agent.sensors.snmp.objects import indexed
from hardcase_agent.sensors.snmp.reference import printable
from hardcase_agent.sensors.snmp.specs import Profile
from hardcase_agent.sensors.snmp.specs import Told as Place
from hardcase_agent.sensors.snmp.values import Oid, Value

SYS_DESCR: Oid = (1, 3, 6, 1, 2, 1, 1, 1, 0)
SYS_OBJECT_ID: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SYS_UPTIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5, 0)
SYSTEM = (SYS_DESCR, SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME)

_ENTITY: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
ENTITY_CLASS: Oid = (*_ENTITY, 5)
_SERIAL, _MAKER, _MODEL = (*_ENTITY, 11), (*_ENTITY, 12), (*_ENTITY, 13)
_CHASSIS = 3
"""PhysicalClass of RFC 6933."""
_ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the configuration says of a device; "" = not told."""

    kind: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    address: str = ""


def chassis(objects: Mapping[Oid, Value]) -> Oid | None:
    """Index of the first chassis among the entPhysicalClass rows in `objects`."""
    shown = indexed(objects)
    return next((index for index in shown.rows(ENTITY_CLASS) if objects[ENTITY_CLASS + index] == _CHASSIS), None)


def chassis_objects(index: Oid) -> tuple[Oid, ...]:
    return tuple(column + index for column in (_SERIAL, _MAKER, _MODEL))


def identify(objects: Mapping[Oid, Value], profiles: Sequence[Profile], told: Told, makers: Mapping[int, str]) -> Asset:
    """The asset as the device and the configuration tell it."""
    index = chassis(objects) or ()
    assets = [profile.asset for profile in profiles]
    kinds = [profile.asset_kind for profile in profiles if profile.asset_kind]
    return Asset(
        vendor=told.vendor
        or _first(objects, [place for asset in assets for place in asset.vendor], _MAKER + index)
        or _maker(objects, makers),
        model=told.model or _first(objects, [place for asset in assets for place in asset.model], _MODEL + index),
        serial=told.serial or _first(objects, [place for asset in assets for place in asset.serial], _SERIAL + index),
        hostname=_first(objects, [place for asset in assets for place in asset.hostname], SYS_NAME),
        kind=told.kind or (kinds[0] if kinds else "appliance"),
        address=told.address,
    )


def _first(objects: Mapping[Oid, Value], places: Sequence[Place], last: Oid) -> str:
    """The first of these places that is not empty."""
    return next((text for place in (*places, Place(oid=last)) if (text := _text(objects, place))), "")


def _text(objects: Mapping[Oid, Value], place: Place) -> str:
    if place.word:
        return place.word
    if not place.column:
        return printable(objects.get(place.oid))
    return next((text for oid in indexed(objects).below(place.oid) if (text := printable(objects[oid]))), "")


def _maker(objects: Mapping[Oid, Value], makers: Mapping[int, str]) -> str:
    oid = objects.get(SYS_OBJECT_ID)
    if not isinstance(oid, tuple) or oid[: len(_ENTERPRISES)] != _ENTERPRISES or len(oid) <= len(_ENTERPRISES):
        return ""
    return makers.get(oid[len(_ENTERPRISES)], "")
