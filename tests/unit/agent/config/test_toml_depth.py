"""A file nested without end, or with a number that no reader of TOML must hold, is a mistake like any other."""

from __future__ import annotations

import pytest
from hardcase_agent.config import parse_config
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.joining import read_ticket
from hardcase_agent.sensors.rehearsal.timeline import parse_timeline
from hardcase_agent.sensors.snmp.profile import parse_profile

TOO_MUCH = [
    "a = " + "[" * 5000 + "]" * 5000,
    "a = " + "{b=" * 2000 + "1" + "}" * 2000,
    ".".join("b" * 3000) + " = 1",
    "a = " + "1" * 5000,
    "a = [0x" + "f" * 5000 + "]",
]


@pytest.mark.parametrize("text", TOO_MUCH)
def test_it_is_told_by_every_reader_of_the_agent(text: str) -> None:
    for read in (
        lambda: parse_config(text),
        lambda: read_ticket(text, "join.toml"),
        lambda: parse_timeline(text, path="drill.toml"),
        lambda: parse_profile(text, path="ups.toml"),
    ):
        with pytest.raises(ConfigError, match=r"levels deep|64 bits") as caught:
            read()
        assert len(str(caught.value)) < 200
