"""Which asset an SNMP device is, from the objects it showed. Pure; called by `source.py`.

Maker, model and serial: the configuration, then the profile's objects, then ENTITY-MIB's chassis, then sysObjectID's
enterprise number (maker only). Many devices tell no serial by these: then the address is their identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.part import Asset
from hardcase_agent.sensors.snmp.layout import Objects, printable
from hardcase_agent.sensors.snmp.profile import Profile
from hardcase_agent.sensors.snmp.values import Oid

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


def chassis(objects: Objects) -> Oid | None:
    """Index of the first chassis among the entPhysicalClass rows in `objects`."""
    rows = sorted(
        oid for oid, value in objects.items() if oid[: len(ENTITY_CLASS)] == ENTITY_CLASS and value == _CHASSIS
    )
    return rows[0][len(ENTITY_CLASS) :] if rows else None


def chassis_objects(index: Oid) -> tuple[Oid, ...]:
    return tuple(column + index for column in (_SERIAL, _MAKER, _MODEL))


def identify(objects: Objects, profiles: Sequence[Profile], told: Told, makers: Mapping[int, str]) -> Asset:
    """The asset as the device and the configuration tell it."""
    index = chassis(objects) or ()

    def first(*oids: Oid) -> str:
        return next((text for oid in oids if (text := printable(objects.get(oid)))), "")

    vendors = [oid for profile in profiles for oid in profile.asset.vendor]
    models = [oid for profile in profiles for oid in profile.asset.model]
    serials = [oid for profile in profiles for oid in profile.asset.serial]
    kinds = [profile.asset_kind for profile in profiles if profile.asset_kind]
    return Asset(
        vendor=told.vendor or first(*vendors, _MAKER + index) or _maker(objects, makers),
        model=told.model or first(*models, _MODEL + index),
        serial=told.serial or first(*serials, _SERIAL + index),
        hostname=first(SYS_NAME),
        kind=told.kind or (kinds[0] if kinds else "appliance"),
        address=told.address,
    )


def _maker(objects: Objects, makers: Mapping[int, str]) -> str:
    oid = objects.get(SYS_OBJECT_ID)
    if not isinstance(oid, tuple) or oid[: len(_ENTERPRISES)] != _ENTERPRISES or len(oid) <= len(_ENTERPRISES):
        return ""
    return makers.get(oid[len(_ENTERPRISES)], "")
