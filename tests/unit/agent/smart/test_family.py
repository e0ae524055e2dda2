"""agent.toml's `[smart]` table and the sources it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.errors import DeviceAbsent
from hardcase_agent.domain.ports import Doors, IpmiDevice
from hardcase_agent.sensors.catalogue import FAMILIES
from hardcase_agent.sensors.smart.family import SmartSettings, build, parse
from hardcase_agent.sensors.smart.shelf import Extra

from tests.unit.agent.smart.documents import ata
from tests.unit.agent.smart.machine import HOST, Machine


class NoSecrets:
    def read(self, reference: str) -> str:
        raise AssertionError(reference)


def doors(machine: Machine) -> Doors:
    def no_bmc() -> IpmiDevice:
        raise DeviceAbsent

    return Doors(
        host=HOST,
        commands=machine,
        local_ipmi=no_bmc,
        secrets=NoSecrets(),
        state_dir=machine.sysfs,
        sysfs=machine.sysfs,
        clock=machine.clock,
    )


def test_the_family_is_in_the_catalogue_and_on_without_a_table() -> None:
    (family,) = (family for family in FAMILIES if family.name == "smart")
    assert family.default
    assert family.module().parse({}, []) == SmartSettings()


def test_a_whole_table_is_read() -> None:
    mistakes: list[str] = []
    settings = parse(
        {
            "nvme_period_s": 300,
            "ata_period_s": 3600,
            "deadline_s": 30,
            "include": ["/dev/sd*"],
            "exclude": ["/dev/sdz"],
            "device": [{"path": "/dev/bus/0", "type": "megaraid,8"}],
        },
        mistakes,
    )
    assert mistakes == []
    assert settings.device == (Extra(path="/dev/bus/0", type="megaraid,8"),)
    assert (settings.nvme_period_s, settings.deadline_s) == (300.0, 30.0)


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ({"period": 5}, "smart.period: unknown key"),
        ({"deadline_s": 0}, "deadline_s must be from 1 to 100"),
        ({"nvme_period_s": 10}, "periods must be at least"),
        ({"device": [{"path": "/dev/sda", "type": "sat -s off"}]}, "is not one of smartctl's device types"),
        ({"device": [{"type": "sat"}]}, "smart.device[0].path: missing"),
        ({"include": "/dev/sda"}, "smart.include: must be a list"),
    ],
)
def test_a_mistake_is_named_with_its_key(table: dict[str, object], mistake: str) -> None:
    mistakes: list[str] = []
    parse(table, mistakes)
    assert any(mistake in line for line in mistakes), mistakes


def test_building_touches_no_device(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.plug("sda", ata("A"))
    sources = build(SmartSettings(), doors(machine))
    assert [(source.name, source.period_s, source.device) for source in sources] == [
        ("smart.nvme", 600.0, "smart.nvme"),
        ("smart.ata", 1800.0, "smart.ata"),
    ]
    assert machine.scans == 0
    assert machine.asked == []
    assert all(source.deadline_s <= source.period_s for source in sources)


def test_a_type_that_writes_to_a_disk_is_taken_only_where_the_site_allows_it() -> None:
    by_hand = {"device": [{"path": "/dev/sdb", "type": "jmb39x-q,1"}]}
    mistakes: list[str] = []
    parse(by_hand, mistakes)
    assert "jmb39x-q,1" in mistakes[0]
    mistakes = []
    assert parse({**by_hand, "jmb39x": True}, mistakes).jmb39x
    assert mistakes == []
