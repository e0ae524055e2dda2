"""SMBIOS structures in the words of dmidecode, whether they were read as text or as the raw table.

Made by `dmidecode_text.py` and `smbios_table.py`, read by `dmi_inventory.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Type(IntEnum):
    """Structure types used here (SMBIOS 3.7, table 3)."""

    BIOS = 0
    SYSTEM = 1
    BOARD = 2
    CHASSIS = 3
    PROCESSOR = 4
    MEMORY_MODULE = 6
    SLOT = 9
    MEMORY_DEVICE = 17
    BATTERY = 22
    INACTIVE = 126
    END = 127
    IPMI = 38
    POWER_SUPPLY = 39
    ONBOARD = 41


@dataclass(frozen=True, slots=True)
class Structure:
    kind: int
    handle: int
    """-1 where the text does not tell it."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Names as dmidecode 3 prints them; values as printed, without spaces at the ends."""

    def said(self, *names: str) -> str:
        """The first of these fields that holds more than a placeholder; "" when none does."""
        for name in names:
            value = meaningful(self.fields.get(name, ""))
            if value:
                return value
        return ""


_PLACEHOLDER = re.compile(
    r"""(
      (to\ be\ filled(\ by\ o\.?e\.?m\.?)?) | default(\ string)? | o\.?e\.?m\.? | o\.e\.m | none | n/?a | null | nil
    | not\ (specified|provided|available|present|applicable|defined|set|settable|installed) | unspecified | undefined
    | unknown | unavailable | empty | invalid | fill\ by\ oem | filled\ by\ oem | no\ dimm | no\ module\ installed
    | (system|chassis|board|base\ ?board|product|bios|module)[\ _-]?
        (serial[\ _-]?(number|\#)?|part[\ _-]?number|product[\ _-]?name|manufacturer|version|name|asset[\ _-]?tag)
        [\ #\d]*
    | (module)?(ser(ial)?[\ _]?num(ber)?|part[\ _]?num(ber)?|manufacturer|asset[\ _]?tag(num)?)[\ #_]*\d*
    | (array|dimm|a|bank|module)\d*[_\ ]?(ser(ial)?(num(ber)?)?|part(num(ber)?)?|manufacturer|asset\ ?tag(num)?)\d*
    | ([0.*?_/\\ -]|x)+ | f{4,} | 0x0* | 0?123456789\w{0,3} | <[^>]*> | \.+
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffd]+")


def meaningful(text: str) -> str:
    """The value without padding; "" for what stands where a maker filled in nothing."""
    value = " ".join(_CONTROL.sub(" ", text[:256]).split())
    return "" if _PLACEHOLDER.fullmatch(value) else value
