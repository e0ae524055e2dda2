"""agent.toml's `[ipmi]` table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.sensors.ipmi import family
from hardcase_agent.sensors.ipmi.family import IpmiSettings, LocalMode
from hardcase_agent.sensors.lan_session import LanInterface, Privilege

from tests.fakes.bmc import FakeBmc
from tests.integration.ipmi_rig import doors

PROFILE = {"user": "monitor", "password": "file:/etc/hardcase/bmc"}


def mistakes_in(table: dict[str, Any]) -> list[str]:
    mistakes: list[str] = []
    family.parse(table, mistakes)
    return mistakes


def test_an_empty_table_is_the_defaults() -> None:
    mistakes: list[str] = []
    assert family.parse({}, mistakes) == IpmiSettings()
    assert mistakes == []


@pytest.mark.parametrize(
    ("value", "mode"), [(True, LocalMode.TRUE), (False, LocalMode.FALSE), ("auto", LocalMode.AUTO)]
)
def test_local_is_yes_no_or_auto(value: object, mode: LocalMode) -> None:
    assert family.parse({"local": value}, []).local is mode


def test_a_bmc_with_its_profile() -> None:
    table = {
        "bmc": [{"host": "10.0.0.7", "port": 6230, "interface": "rmcp", "profile": "dell"}],
        "profiles": {"dell": PROFILE | {"privilege": "operator", "cipher_suite": 17}},
    }
    mistakes: list[str] = []
    settings = family.parse(table, mistakes)
    assert mistakes == []
    assert (settings.bmc[0].port, settings.bmc[0].interface) == (6230, LanInterface.RMCP)
    assert settings.profiles["dell"].privilege is Privilege.OPERATOR


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"local": "maybe"}, "ipmi.local: must be one of"),
        ({"locale": True}, "ipmi.locale: unknown key"),
        ({"sel_period_s": 0}, "sel_period_s: must be at least"),
        ({"bmc": [{"host": "a", "profile": "x"}]}, "ipmi.bmc[0].profile: there is no [ipmi.profiles.x]"),
        ({"bmc": [{"profile": "x"}], "profiles": {"x": PROFILE}}, "ipmi.bmc[0].host: missing"),
        ({"bmc": [{"host": "a", "port": 70000, "profile": "x"}], "profiles": {"x": PROFILE}}, "ipmi.bmc[0]: port"),
        ({"bmc": [{"host": "a", "profile": "x"}] * 2, "profiles": {"x": PROFILE}}, "ipmi.bmc[1].host: a:623 is there"),
        ({"profiles": {"x": PROFILE | {"cipher_suite": 0}}}, "ipmi.profiles.x: cipher_suite"),
        ({"profiles": {"x": PROFILE | {"user": "a name of 17 byte"}}}, "ipmi.profiles.x: user"),
        ({"profiles": {"x": "y"}}, "ipmi.profiles.x: must be a table"),
        ({"profiles": 3}, "ipmi.profiles: must be tables"),
    ],
)
def test_a_mistake_is_named_with_its_key(table: dict[str, Any], words: str) -> None:
    (mistake,) = mistakes_in(table)
    assert words in mistake


def test_a_password_in_the_configuration_is_refused_and_not_repeated() -> None:
    (mistake,) = mistakes_in({"profiles": {"x": PROFILE | {"password": "Tr0ub4dor"}}})
    assert "ipmi.profiles.x: password" in mistake
    assert "Tr0ub4dor" not in mistake


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes_in({"local": 3, "fru_period_s": "daily", "bmc": [{"host": 1}]})) >= 4


def test_five_sources_a_bmc_with_their_own_periods_and_one_device(tmp_path: Path) -> None:
    bmc = FakeBmc()
    table = {"local": True, "bmc": [{"host": "10.0.0.7", "profile": "x"}], "profiles": {"x": PROFILE}}
    sources = family.build(family.parse(table, []), doors(tmp_path, clock=bmc.clock, local=bmc))
    assert [source.name for source in sources] == [
        "ipmi.analogue@local", "ipmi.discrete@local", "ipmi.sel@local", "ipmi.fru@local", "ipmi.behind@local",
        "ipmi.analogue@10.0.0.7", "ipmi.discrete@10.0.0.7", "ipmi.sel@10.0.0.7", "ipmi.fru@10.0.0.7",
        "ipmi.behind@10.0.0.7",
    ]  # fmt: skip
    assert [source.period_s for source in sources[:3]] == [60.0, 30.0, 15.0]
    assert {source.device for source in sources} == {"ipmi@local", "ipmi@10.0.0.7"}
    assert bmc.asked == []


def test_no_local_bmc_is_opened_where_it_is_switched_off(tmp_path: Path) -> None:
    assert family.build(family.parse({"local": False}, []), doors(tmp_path)) == []
