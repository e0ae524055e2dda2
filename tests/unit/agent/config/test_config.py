"""agent.toml: defaults, mistakes, and the sample file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hardcase_agent.config import CoreSettings, Mode, load_config, parse_config
from hardcase_agent.domain.errors import ConfigError


def sample(root: Path) -> str:
    return (root / "deploy/agent/agent.toml").read_text()


def uncommented(text: str) -> str:
    """The sample with everything that is off by default switched on."""
    text = re.sub(r"^(bmc|device) = \[\]$", "", text, flags=re.MULTILINE)
    return re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)


def test_the_sample_equals_the_defaults_of_the_code(root: Path) -> None:
    assert parse_config(sample(root)) == parse_config("")


def test_the_sample_shows_every_key_of_every_table_that_is_on(root: Path) -> None:
    told = tomllib.loads(sample(root))
    core = {field.name for field in fields(CoreSettings)}
    assert core <= set(told)
    settings = parse_config("")
    for name in ("collector", "spool", "helper", "diagnostics"):
        assert {field.name for field in fields(getattr(settings.core, name))} == set(told[name])
    for name, family in settings.families.items():
        shown = set(told[name]) | ({"profiles"} if name == "ipmi" else set())
        assert {field.name for field in fields(family)} == shown, name


def test_the_sample_shows_the_defaults_of_what_is_off(root: Path) -> None:
    settings = parse_config(uncommented(sample(root)))
    assert {"snmp", "rehearsal"} <= set(settings.families)
    snmp, plain = settings.families["snmp"], parse_config("[snmp]\n").families["snmp"]
    assert (snmp.period_s, snmp.deadline_s) == (plain.period_s, plain.deadline_s)
    told = tomllib.loads(uncommented(sample(root)))
    least = 'timeline = "x"'
    assert told["rehearsal"]["speed"] == parse_config(f"[rehearsal]\n{least}").families["rehearsal"].speed
    bmc = settings.families["ipmi"].bmc[0]
    assert (bmc.port, bmc.interface) == (623, "rmcpplus")


def test_all_mistakes_are_reported_together_with_their_keys() -> None:
    text = """
    colour = "red"
    log_level = "loud"
    [collector]
    address = "nowhere"
    [spool]
    max_mib = "big"
    [smart]
    ata_period_s = "often"
    """
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    told = "\n".join(caught.value.mistakes)
    for key in ("colour", "log_level", "collector", "spool.max_mib", "smart.ata_period_s"):
        assert key in told
    assert len(caught.value.mistakes) == 5


@pytest.mark.parametrize(
    "text",
    [
        '[[ipmi.profiles.lab]]\nuser = "u"\npassword = "Tr0ub4dor"',
        '[ipmi.bmc]\nhost = "h"\npassword = "Tr0ub4dor"',
        '[ipmi.profiles.lab]\nuser = "u"\npassword = "Tr0ub4dor"',
        '[ipmi.profiles.lab]\nuser = "u"\npassword = ["Tr0ub4dor"]',
        '[ipmi.profiles.lab]\nuser = "u"\npassword = "file:/x"\nprivilege = {password = "Tr0ub4dor"}',
        '[snmp.profiles.ups]\nversion = "2c"\ncommunity = "Tr0ub4dor"',
        '[[snmp.device]]\nname = "a"\nhost = {secret = "Tr0ub4dor"}\nprofile = "x"',
        '[snmp]\ndevice = [{name = "a", host = "h", profile = "x", community = "Tr0ub4dor"}, "Tr0ub4dor"]',
    ],
)
def test_a_secret_in_a_wrong_place_is_in_no_message(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert "Tr0ub4dor" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[spool]\nmax_mib = 1", "[spool]\nmax_age_days = 0", 'without = ["nothing"]', "ipmi = 3", "x = ["]
)
def test_values_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(text)


@pytest.mark.parametrize("address", ["host", "host:", ":1", "host:0", "host:70000", "host:http"])
def test_an_address_is_host_and_port(address: str) -> None:
    with pytest.raises(ConfigError, match="host:port"):
        parse_config(f'[collector]\naddress = "{address}"')
    assert parse_config('[collector]\naddress = "[::1]:4317"').core.collector.address == "[::1]:4317"


def test_families_can_be_left_out_and_asked_for() -> None:
    assert set(parse_config("").families) == {"host", "ipmi", "smart", "arrays", "kernel"}
    assert set(parse_config('without = ["ipmi", "smart"]').families) == {"host", "arrays", "kernel"}
    assert "snmp" in parse_config("[snmp]\n").families


def test_a_drill_reads_only_what_its_file_names() -> None:
    settings = parse_config('mode = "drill"\n[rehearsal]\ntimeline = "x"')
    assert settings.core.mode is Mode.DRILL
    assert set(settings.families) == {"rehearsal"}


def test_a_missing_file_is_said_unless_it_is_the_default_one(tmp_path: Path) -> None:
    missing = tmp_path / "agent.toml"
    with pytest.raises(ConfigError, match="no such file"):
        load_config(missing)
    assert load_config(missing, missing_is_default=True) == parse_config("")


def test_mistakes_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("colour = 1")
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        load_config(path)
