"""The RAID tools that may be run: where each is looked for, and every argument list it may be given. Read-only, all.

Part of `table.py`. A view is a word that the agent may say; what it stands for is here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hardcase_agent.domain.errors import AccessDenied

NUMBER = "{number}"
"""Stands in a view's arguments for what the agent may say besides its name."""
_SHAPES = {NUMBER: re.compile(r"\d{1,2}", re.ASCII)}


class ArrayTool:
    """`names` below root's own directories, and `places` where its maker's package puts it.

    By hand: dataclasses would bring inspect and ast, 2 MB of this small process.
    """

    __slots__ = ("names", "places", "views")

    def __init__(self, names: tuple[str, ...], places: tuple[str, ...], views: Mapping[str, tuple[str, ...]]) -> None:
        self.names = names
        self.places = places
        self.views = views


def _megaraid(*names: str, places: tuple[str, ...]) -> ArrayTool:
    # "nolog": else it writes a log file into whatever directory it runs in.
    views = {
        "controllers": ("/call", "show", "all", "J", "nolog"),
        "drives": ("/call/eall/sall", "show", "all", "J", "nolog"),
        "direct-drives": ("/call/sall", "show", "all", "J", "nolog"),
        "rebuild": ("/call/eall/sall", "show", "rebuild", "J", "nolog"),
    }
    return ArrayTool(names, places, MappingProxyType(views))


_IRCU = MappingProxyType({"list": ("LIST",), "display": (NUMBER, "DISPLAY")})

TOOLS: Mapping[str, ArrayTool] = MappingProxyType(
    {
        "storcli": _megaraid(
            "storcli64", "storcli", places=("/opt/MegaRAID/storcli/storcli64", "/opt/MegaRAID/storcli/storcli")
        ),
        "perccli": _megaraid(
            "perccli64", "perccli", places=("/opt/MegaRAID/perccli/perccli64", "/opt/MegaRAID/perccli/perccli")
        ),
        "megacli": ArrayTool(
            ("MegaCli64", "megacli", "MegaCli"),
            ("/opt/MegaRAID/MegaCli/MegaCli64", "/opt/MegaRAID/MegaCli/MegaCli"),
            MappingProxyType(
                {
                    "disks": ("-PDList", "-aALL", "-NoLog"),
                    "volumes": ("-LdPdInfo", "-aALL", "-NoLog"),
                    "enclosures": ("-EncInfo", "-aALL", "-NoLog"),
                    "battery": ("-AdpBbuCmd", "-GetBbuStatus", "-aALL", "-NoLog"),
                }
            ),
        ),
        "ssacli": ArrayTool(
            ("ssacli", "hpssacli", "hpacucli"),
            ("/opt/smartstorageadmin/ssacli/bin/ssacli", "/opt/hp/hpssacli/bld/hpssacli"),
            MappingProxyType({"config": ("ctrl", "all", "show", "config", "detail")}),
        ),
        "arcconf": ArrayTool(
            ("arcconf",),
            ("/usr/Arcconf/arcconf", "/usr/StorMan/arcconf"),
            MappingProxyType({"list": ("LIST", "nologs"), "config": ("GETCONFIG", NUMBER, "AL", "nologs")}),
        ),
        "sas2ircu": ArrayTool(("sas2ircu",), (), _IRCU),
        "sas3ircu": ArrayTool(("sas3ircu",), (), _IRCU),
        "zpool": ArrayTool(("zpool",), (), MappingProxyType({"status": ("status", "-P"), "list": ("list",)})),
    }
)


def arguments_of(tool: str, said: Sequence[str]) -> tuple[str, ...]:
    """The whole argument list for a view and what it needs besides. Raises AccessDenied."""
    views = TOOLS[tool].views
    view = views.get(said[0]) if said else None
    if view is None:
        raise AccessDenied(f"{tool} takes one of {', '.join(views)}")
    wanted = [word for word in view if word in _SHAPES]
    given = list(said[1:])
    if len(given) != len(wanted) or not all(
        _SHAPES[shape].fullmatch(word) for shape, word in zip(wanted, given, strict=False)
    ):
        raise AccessDenied(f"{tool} {said[0]}: what it is given is not in the table")
    return tuple(given.pop(0) if word in _SHAPES else word for word in view)
