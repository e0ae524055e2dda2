"""Which asset this is: the key an asset is known by, from what its hardware says of itself. Pure; called by ingest.

Vendors and placeholder serials are the tables below: a new one is one line.
"""

from __future__ import annotations

import re

from hardcase_collector.domain.asset import AssetFacts, IdentityBasis

_VENDORS: tuple[tuple[str, str], ...] = (
    # First match wins. The name as hardware prints it, lower case, punctuation as spaces; matched at the start.
    ("dell", "dell"),
    ("hewlett packard enterprise", "hpe"),
    ("hewlett packard", "hpe"),
    ("hpe", "hpe"),
    ("hp", "hpe"),
    ("inspur", "inspur"),
    ("ieit", "inspur"),  # Inspur's servers are sold as IEIT SYSTEMS since 2023.
    ("super micro", "supermicro"),
    ("supermicro", "supermicro"),
    ("lenovo", "lenovo"),
    ("ibm", "ibm"),
    ("huawei", "huawei"),
    ("xfusion", "xfusion"),
    ("new h3c", "h3c"),
    ("h3c", "h3c"),
    ("hangzhou h3c", "h3c"),
    ("fujitsu", "fujitsu"),
    ("fsc", "fujitsu"),
    ("cisco", "cisco"),
    ("sugon", "sugon"),
    ("dawning", "sugon"),
    ("suma", "sugon"),
    ("zte", "zte"),
    ("nettrix", "nettrix"),
    ("foxconn", "foxconn"),
    ("hon hai", "foxconn"),
    ("quanta", "quanta"),
    ("qct", "quanta"),
    ("gigabyte", "gigabyte"),
    ("giga computing", "gigabyte"),
    ("asustek", "asus"),
    ("asus", "asus"),
    ("asrock", "asrock"),
    ("tyan", "tyan"),
    ("mitac", "tyan"),
    ("intel", "intel"),
    ("oracle", "oracle"),
    ("sun microsystems", "oracle"),
    ("nec", "nec"),
    ("hitachi", "hitachi"),
    ("nvidia", "nvidia"),
    ("great wall", "greatwall"),
    ("greatwall", "greatwall"),
    ("powerleader", "powerleader"),
    ("american power conversion", "apc"),
    ("apc", "apc"),
    ("schneider", "apc"),
    ("eaton", "eaton"),
    ("vertiv", "vertiv"),
    ("emerson", "vertiv"),
    ("liebert", "vertiv"),
    ("raritan", "raritan"),
)

PLACEHOLDERS = frozenset(
    {
        # Lower case, letters and digits alone: "To be filled by O.E.M." and "To Be Filled By OEM" are one line.
        "tobefilledbyoem",
        "tobefilled",
        "filledbyoem",
        "oem",
        "defaultstring",
        "default",
        "notspecified",
        "notapplicable",
        "notavailable",
        "notpresent",
        "notsettable",
        "notdefined",
        "notprovided",
        "none",
        "null",
        "nil",
        "na",
        "nosn",
        "noserial",
        "noserialnumber",
        "nonumber",
        "unknown",
        "unspecified",
        "undefined",
        "invalid",
        "empty",
        "error",
        "test",
        "sample",
        "prototype",
        "serial",
        "serialnumber",
        "serialno",
        "sn",
        "systemserial",
        "systemserialnumber",
        "syssn",
        "chassisserialnumber",
        "baseboardserialnumber",
        "boardserialnumber",
        "productserial",
        "productserialnumber",
        "assettag",
        "oemserial",
        "oemserialnumber",
        "systemproductname",
        "systemversion",
        "systemmanufacturer",
        "dmiserial",
        "toberemoved",
        "xyz",
        "abc",
        "abcdef",
        "abcdefgh",
        "abcdefghijklmnop",
        "deadbeef",
        "cafebabe",
        "empty0123456789",
        "sn0123456789",
        "sn123456",
        "sn12345678",
        "sn123456789",
    }
)
_ASCENDING = "01234567890123456789"
_DESCENDING = "98765432109876543210"
_TOO_SHORT = 3
"""A real system serial has at least four characters (a Dell service tag has seven); shorter is a port or a slot."""

_PLACEHOLDER_UUIDS = frozenset(
    {
        # SMBIOS 7.2.1: all zeros = not present, all ones = not set.
        "00000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffff",
        # Boards of several vendors shipped with these, each on many machines.
        "03000200040005000006000700080009",
        "00020003000400050006000700080009",
        "01234567890123456789012345678901",
        "0123456789abcdef0123456789abcdef",
        "12345678123456781234567812345678",
        "12345678123412341234123456789abc",
        "1234567890abcdef1234567890abcdef",
        "deadbeefdeadbeefdeadbeefdeadbeef",
        "fefefefefefefefefefefefefefefefe",
        "00112233445566778899aabbccddeeff",
    }
)
_OTHER_KEYS = frozenset({"uuid", "machine_id", "address", "rehearsal", "unknown"})
"""First words of keys that rest on something else: no vendor may be called so, whatever a BMC prints."""
_UUID = re.compile(r"[0-9a-f]{32}")
_PLAIN = re.compile(r"[^0-9a-z]+")


def identify(facts: AssetFacts) -> tuple[str, IdentityBasis]:
    """The asset's key and what it rests on, best first: vendor and serial, SMBIOS UUID, machine-id, address.

    The nodes of one chassis share its serial, so a node number or board serial is part of the key. A drill's key is
    never a real asset's key. An asset that says nothing at all is known by its host name, as by an address.
    """
    key, basis = _identity(facts)
    if facts.rehearsal:
        return f"rehearsal|{key}", IdentityBasis.REHEARSAL
    return key, basis


def _identity(facts: AssetFacts) -> tuple[str, IdentityBasis]:
    vendor = normalise_vendor(facts.vendor)
    if not is_placeholder_serial(facts.serial):
        key = f"{vendor or 'unknown'}|{normalise_serial(facts.serial)}"
        return key + _node(facts.node), IdentityBasis.SERIAL
    uuid = _plain(facts.uuid)
    if not is_placeholder_uuid(uuid):
        return f"uuid|{uuid}", IdentityBasis.UUID
    machine_id = _plain(facts.machine_id)
    if not is_placeholder_uuid(machine_id):
        return f"machine_id|{machine_id}", IdentityBasis.MACHINE_ID
    where = facts.address.strip().lower() or f"host:{facts.hostname.strip().lower()}"
    return f"address|{where}{_node(facts.node)}", IdentityBasis.ADDRESS


def normalise_vendor(printed: str) -> str:
    """ "Dell Inc." -> "dell"; a vendor not in the table is its own name, lower case and without punctuation."""
    words = " ".join(_PLAIN.sub(" ", printed.lower()).split())
    if words.replace(" ", "") in PLACEHOLDERS:
        return ""
    for start, vendor in _VENDORS:
        if words == start or words.startswith(start + " ") or (len(start) > 4 and words.startswith(start)):
            return vendor
    name = words.replace(" ", "_")
    return f"{name}_" if name in _OTHER_KEYS else name


def normalise_serial(printed: str) -> str:
    """Upper case without white space: FRU, SMBIOS and label differ in nothing else."""
    return "".join(printed.split()).upper().replace("|", "/")


def is_placeholder_serial(printed: str) -> bool:
    """True: this serial tells nothing (blank, a shipped placeholder, one repeated character, counting up or down)."""
    plain = _plain(printed)
    if len(plain) <= _TOO_SHORT or plain in PLACEHOLDERS:
        return True
    if len(set(plain)) == 1:
        return True
    digits = plain.removeprefix("empty").removeprefix("sn")
    return len(digits) >= 4 and (digits in _ASCENDING or digits in _DESCENDING)


def is_placeholder_uuid(plain: str) -> bool:
    """True for anything but 32 hex digits that are no shipped placeholder; `plain` has no dashes."""
    return not _UUID.fullmatch(plain) or plain in _PLACEHOLDER_UUIDS or len(set(plain)) == 1


def _node(printed: str) -> str:
    """A node number ("2") is short and counts; a placeholder board serial does not."""
    plain = _plain(printed)
    if not plain or plain in PLACEHOLDERS or (len(plain) > _TOO_SHORT and is_placeholder_serial(plain)):
        return ""
    return f"|{plain.upper()}"


def _plain(text: str) -> str:
    return _PLAIN.sub("", text.lower())
