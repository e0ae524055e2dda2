"""How long the words are that name something: assets, parts, sensors, sources. Asked by `records.py` for every record.

Names become keys of indexes, and a PostgreSQL index takes 2704 bytes of key in all. A longer one would fail the commit
of everybody whose records are in the same group, again and again; so its record alone is rejected.
"""

from __future__ import annotations

from hardcase_collector.domain.asset import AssetFacts, Part
from hardcase_collector.domain.errors import BadRecord

LONGEST = 500
"""Bytes of UTF-8. FRU fields have up to 63 bytes, SMBIOS strings mostly under 64; sensor ids put a few together."""


def check_words(*words: str) -> None:
    """Raises BadRecord for a word that is too long to be a name."""
    for word in words:
        # A character has at most four bytes: nearly every word is done here.
        if len(word) > LONGEST // 4 and len(word.encode("utf-8", "replace")) > LONGEST:
            raise BadRecord(f"a name of over {LONGEST} bytes: {word[:40]}...")


def check_part(part: Part) -> None:
    """Raises BadRecord."""
    check_words(part.key(), part.slot)


def check_facts(facts: AssetFacts) -> None:
    """Raises BadRecord."""
    check_words(facts.vendor, facts.serial, facts.uuid, facts.machine_id, facts.node, facts.hostname, facts.address)
