"""Profiles and `[snmp]`: every mistake is told, no secret is."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.sensors.snmp import family
from hardcase_agent.sensors.snmp.profile import makers, parse_profile, shipped_profiles, shipped_profiles_where

PROFILE = """
name = "x"
title = "X"
present = "1.3.6.1.4.1.1"
[[sensor]]
id = "a"
name = "A"
oid = "1.3.6.1.4.1.1.1"
kind = "temperature"
unit = "Cel"
"""
GOOD = {
    "device": [{"name": "ups1", "host": "10.0.0.5", "profile": "v3"}],
    "profiles": {
        "v3": {"user": "monitor", "auth_secret": "credential:snmp-auth", "priv_secret": "file:/etc/hardcase/priv"},
        "old": {"version": "2c", "community": "file:/etc/hardcase/community"},
    },
}


def mistakes_of(table: dict[str, object]) -> list[str]:
    mistakes: list[str] = []
    family.parse(table, mistakes)
    return mistakes


def test_the_shipped_profiles_are_the_promised_ones() -> None:
    assert {profile.name for profile in shipped_profiles()} >= {"ups-mib", "entity-sensor", "lm-sensors", "ucd"}


def test_sensor_ids_are_unique_over_all_shipped_profiles() -> None:
    ids = [(profile.name, spec.id) for profile in shipped_profiles() for spec in profile.sensors]
    assert len(set(ids)) == len(ids)


def test_makers_are_known_by_number() -> None:
    assert makers()[318] == "APC"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('kind = "temperature"', 'kind = "heat"'), "kind: must be one of"),
        (('oid = "1.3.6.1.4.1.1.1"', 'oid = "sysDescr"'), "sensor[0] (a):"),
        (('unit = "Cel"', 'unit = "Cel"\nlimits = ["hot 1.3.6.1"]'), "'hot' is none of"),
        (('unit = "Cel"', 'unit = "Cel"\nrow = true'), "a name has {label}"),
        (('unit = "Cel"', 'unit = "Cel"\nstates = ["bad"]'), "goes with states and values"),
        (
            ('kind = "temperature"\nunit = "Cel"', 'kind = "state"\nstates = ["bad"]\nvalues = ["1 good"]'),
            "no state 'good'",
        ),
        (('title = "X"', ""), "title: missing"),
    ],
)
def test_a_mistake_in_a_profile_is_told_with_its_place(change: tuple[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_profile(PROFILE.replace(*change), path="x.toml")
    assert words in str(caught.value)
    assert "x.toml" in str(caught.value)


def test_good_settings_are_read() -> None:
    mistakes: list[str] = []
    settings = family.parse(GOOD, mistakes)
    assert mistakes == []
    (device,) = settings.device
    assert (device.address, device.port, settings.period_s) == ("snmp:10.0.0.5", 161, 60.0)
    assert settings.profiles["v3"].auth.value == "SHA256"


def test_all_mistakes_come_together_with_their_key_paths() -> None:
    told = mistakes_of(
        {
            "device": [
                {"name": "a", "host": "h", "profile": "none"},
                {"name": "a", "host": "h", "profile": "old"},
            ],
            "profiles": {
                "old": {"version": "2c"},
                "v3": {},
                "half": {"user": "u", "priv_secret": "credential:x"},
            },
        }
    )
    assert len(told) == 5
    for words in (
        "snmp.profiles.old: community: missing",
        "snmp.profiles.v3: user: missing",
        "snmp.profiles.half: auth_secret: missing",
        "snmp.device[0].profile: there is no [snmp.profiles.none]",
        "snmp.device[1].name: 'a' is there twice",
    ):
        assert any(words in line for line in told), words


@pytest.mark.parametrize("key", ["community", "auth_secret", "priv_secret"])
def test_a_secret_in_the_file_itself_is_refused_and_not_repeated(key: str) -> None:
    told = mistakes_of({"profiles": {"p": {"user": "u", "auth_secret": "file:/x", key: "hunter2hunter2"}}})
    assert len(told) == 1
    assert f"{key}: must be 'file:/path' or 'credential:NAME'" in told[0]
    assert "hunter2" not in told[0]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"version": "2c", "community": "file:/x"}, "plain text"),
        ({"user": "u"}, "without auth"),
        ({"user": "u", "auth_secret": "file:/x"}, "without priv"),
        ({"user": "u", "auth_secret": "file:/x", "priv_secret": "file:/y", "auth": "MD5"}, "broken"),
        ({"user": "u", "auth_secret": "file:/x", "priv_secret": "file:/y"}, ""),
    ],
)
def test_doctor_has_a_warning_for_every_weak_profile(profile: dict[str, object], words: str) -> None:
    mistakes: list[str] = []
    settings = family.parse({"profiles": {"p": profile}}, mistakes)
    warning = family.warning_of(settings.profiles["p"])
    assert (words in warning) if words else not warning


def test_only_the_profiles_of_what_is_shown_are_read() -> None:
    ups = (1, 3, 6, 1, 2, 1, 33, 1)
    assert [profile.name for profile in shipped_profiles_where(lambda oid: oid == ups)] == ["ups-mib"]
    assert shipped_profiles_where(lambda _: False) == ()
    assert shipped_profiles_where(lambda _: True) == shipped_profiles()
