"""From an EDAC name of a memory module to the module that the firmware lists: its slot on the board, its serial.

Drivers name a module by socket, controller, channel and place; boards print letters. Some firmware writes the same
coordinates into the bank locator, and ghes_edac takes its label from SMBIOS: then the join is certain. A Dell or a
letter-by-channel board follows a rule of its maker: then it is said to be probable. Otherwise the driver's name stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.dmi_inventory import Module


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Counted from 0, as drivers count."""

    socket: int
    controller: int
    channel: int
    module: int


_LABELS = (
    # skx_edac, i10nm_edac: CPU_SrcID#1_MC#1_Chan#0_DIMM#0; newer sbridge: CPU_SrcID#0_Ha#0_Chan#1_DIMM#0
    re.compile(r"CPU_SrcID#(?P<s>\d+)_(?:MC|Ha)#(?P<c>\d+)_Chan#(?P<h>\d+)_DIMM#(?P<d>\d+)"),
    # sbridge before 4.0: CPU_SrcID#0_Channel#1_DIMM#0; i7core: CPU#0Channel#1_DIMM#0
    re.compile(r"CPU_?(?:SrcID)?#(?P<s>\d+)_?(?:Ha#(?P<c>\d+)_)?Channel#(?P<h>\d+)_DIMM#(?P<d>\d+)"),
)
_BANKS = (
    # Supermicro, Intel: P1_Node1_Channel0_Dimm0
    re.compile(r"P(?P<s>\d+)[_ ]Node(?P<c>\d+)[_ ]Channel(?P<h>\d+)[_ ]Dimm(?P<d>\d+)", re.IGNORECASE),
    # NODE 1 CHANNEL 0 DIMM 0 (socket is the node)
    re.compile(r"NODE ?(?P<s>\d+) (?P<c>)CHANNEL ?(?P<h>\d+) DIMM ?(?P<d>\d+)", re.IGNORECASE),
    re.compile(
        r"CPU ?(?P<s>\d+)[_ ](?:MC ?(?P<c>\d+)[_ ])?CH(?:ANNEL)? ?(?P<h>\d+)[_ ]D(?:IMM)? ?(?P<d>\d+)", re.IGNORECASE
    ),
)
_DELL = re.compile(r"(?:DIMM[ _])?(?P<cpu>[A-D])(?P<number>\d{1,2})")
_LETTERED = re.compile(r"(?:P|CPU|PROC ?)(?P<cpu>\d)[-_ ]?DIMM[-_ ]?(?P<channel>[A-P])(?P<number>\d)", re.IGNORECASE)


def _read(patterns: Sequence[re.Pattern[str]], text: str) -> Coordinates | None:
    for pattern in patterns:
        match = pattern.search(text)
        if match:
            return Coordinates(int(match["s"]), int(match["c"] or 0), int(match["h"]), int(match["d"]))
    return None


def coordinates(label: str) -> Coordinates | None:
    """Of a driver's label."""
    return _read(_LABELS, label)


class Board:
    """The modules of one machine, and where EDAC's names fall on them."""

    def __init__(self, modules: Sequence[Module] = (), labels: Sequence[str] = ()) -> None:
        """`labels`: all that the drivers use, so that channels can be counted."""
        self._modules = tuple(modules)
        self._by_bank = {}
        for module in self._modules:
            told = _read(_BANKS, module.bank) or _read(_BANKS, module.locator)
            if told is not None:
                self._by_bank[told] = module
        places = [place for place in map(coordinates, labels) if place is not None]
        self._channels = 1 + max((place.channel for place in places), default=-1)
        self._controllers = 1 + max((place.controller for place in places), default=-1)

    def part(self, label: str, fallback: str, kind: str = "") -> Part:
        """The part for a driver's label; with the module's serial and part number only where the join is certain."""
        plain = Part(component=Component.MEMORY, slot=label or fallback, model=kind)
        module = self._named(label) or self._by_coordinates(label)
        if module is None and len(self._modules) == 1 and label:
            module = self._modules[0]
        if module is not None:
            return replace(module.part, paths=(label,) if label and label != module.part.slot else ())
        probable = self._probable(label)
        if probable is not None:
            return replace(plain, slot=f"{label} (probably {probable.part.slot})")
        return plain

    def _named(self, label: str) -> Module | None:
        """By the firmware's own words: the locator, or bank and locator, as ghes_edac writes them."""
        wanted = _plain(label)
        if not wanted:
            return None
        fits = [
            module
            for module in self._modules
            if wanted in (_plain(module.locator), _plain(module.bank + module.locator), _plain(module.part.slot))
        ]
        return fits[0] if len(fits) == 1 else None

    def _by_coordinates(self, label: str) -> Module | None:
        place = coordinates(label)
        return self._by_bank.get(place) if place is not None else None

    def _probable(self, label: str) -> Module | None:
        place = coordinates(label)
        if place is None or not self._channels:
            return None
        channel = place.controller * self._channels + place.channel
        total = self._channels * max(1, self._controllers)
        for module in self._modules:
            dell, lettered = _DELL.fullmatch(module.locator), _LETTERED.fullmatch(module.locator)
            if dell:
                # Dell numbers the first modules of all channels, then the second ones.
                number = place.module * total + channel + 1
                if ord(dell["cpu"]) - ord("A") == place.socket and int(dell["number"]) == number:
                    return module
            elif lettered:
                letter = ord(lettered["channel"].upper()) - ord("A")
                socket, number = int(lettered["cpu"]) - 1, int(lettered["number"]) - 1
                # Letters go on over the sockets on some boards (P2-DIMME1), begin anew on others.
                if socket == place.socket and number == place.module and letter in (channel, channel + socket * total):
                    return module
        return None


def _plain(words: str) -> str:
    return re.sub(r"[\s_-]+", "", words).lower()
