"""SECURITY.md names a test in every row, and there is such a test."""

from __future__ import annotations

import re
from pathlib import Path

ROW = re.compile(r"^\|(?P<who>[^|]+)\|(?P<what>[^|]+)\|(?P<how>[^|]+)\|(?P<proof>[^|]+)\|$")


def rows(root: Path) -> list[re.Match[str]]:
    table = (root / "SECURITY.md").read_text(encoding="utf-8").partition("## Threats")[2]
    found = [match for line in table.splitlines() if (match := ROW.match(line))]
    return found[2:]


def test_every_threat_names_what_proves_it_and_that_exists(root: Path) -> None:
    known = set()
    for path in (root / "tests").rglob("test_*.py"):
        known |= set(re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")))
    threats = rows(root)
    assert len(threats) > 30
    for threat in threats:
        named = re.findall(r"`([^`]+)`", threat["proof"])
        assert named, threat["what"]
        for one in named:
            if one.startswith("test_"):
                assert one in known, one
            elif one.startswith("tests/"):
                assert (root / one).exists(), one
            else:
                assert one.startswith("make "), one
