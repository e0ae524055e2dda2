"""hwmon: what cannot be is a gap, a limit that cannot be is none, the rest is measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading, States, Unit
from hardcase_agent.sensors.host import hwmon
from hardcase_agent.sensors.host.probe import Probe

from tests.golden.host.trees import write_files

CHIP = "class/hwmon/hwmon0"


def chip(root: Path, files: dict[str, str], name: str = "nct6798") -> tuple[Probe, ...]:
    write_files(root / CHIP, {"name": name, **files})
    return hwmon.scan(root).probes


def reading(root: Path, files: dict[str, str]) -> Reading:
    (probe,) = chip(root, files)
    return probe.read()


@pytest.mark.parametrize(
    ("channel", "raw", "value", "unit"),
    [
        ("temp1", "41500", 41.5, Unit.CELSIUS),
        ("temp1", "-5000", -5.0, Unit.CELSIUS),
        ("fan3", "5400", 5400.0, Unit.RPM),
        ("in0", "12096", 12.096, Unit.VOLT),
        ("in2", "-11900", -11.9, Unit.VOLT),
        ("curr1", "3250", 3.25, Unit.AMPERE),
        ("power1", "145000000", 145.0, Unit.WATT),
        ("humidity1", "43200", 43.2, Unit.PERCENT),
    ],
)
def test_a_channel_is_read_in_its_unit(tmp_path: Path, channel: str, raw: str, value: float, unit: Unit) -> None:
    (probe,) = chip(tmp_path, {f"{channel}_input": raw})
    assert probe.sensor.unit is unit
    assert probe.read() == Number(pytest.approx(value))


@pytest.mark.parametrize(
    ("channel", "raw"),
    [
        ("temp1", "-273150"),
        ("temp1", "65261850"),
        ("temp1", "-128000"),
        ("temp1", "-62000"),
        ("temp1", "127000"),
        ("temp1", "127500"),
        ("temp1", "255000"),
        ("temp1", "511000"),
        ("fan1", "65535"),
        ("fan1", "-1"),
        ("power1", "18446744073709551615"),
        ("humidity1", "199000"),
        ("temp1", ""),
        ("temp1", "N/A"),
    ],
)
def test_what_cannot_be_is_a_gap(tmp_path: Path, channel: str, raw: str) -> None:
    got = reading(tmp_path, {f"{channel}_input": raw})
    assert isinstance(got, Gap)
    assert got.reason is GapReason.ERROR


def test_a_fault_of_the_input_is_a_gap_and_not_its_last_value(tmp_path: Path) -> None:
    got = reading(tmp_path, {"temp1_input": "30000", "temp1_fault": "1"})
    assert isinstance(got, Gap)
    assert got.reason is GapReason.ERROR


def test_a_header_without_a_fan_is_absent_until_a_fan_was_seen_turning(tmp_path: Path) -> None:
    (probe,) = chip(tmp_path, {"fan1_input": "0"})
    got = probe.read()
    assert isinstance(got, Gap)
    assert got.reason is GapReason.ABSENT
    (tmp_path / CHIP / "fan1_input").write_text("900")
    assert probe.read() == Number(900.0)
    (tmp_path / CHIP / "fan1_input").write_text("0")
    assert probe.read() == Number(0.0)


def test_a_fan_with_a_lower_limit_that_stands_still_is_read_as_such(tmp_path: Path) -> None:
    assert reading(tmp_path, {"fan1_input": "0", "fan1_min": "600"}) == Number(0.0)


def test_the_alarm_files_of_a_channel_are_one_state_sensor(tmp_path: Path) -> None:
    files = {"temp1_input": "99000", "temp1_crit_alarm": "1", "temp1_max_alarm": "0", "intrusion0_alarm": "1"}
    alarms = {probe.sensor.id.split("/")[1]: probe for probe in chip(tmp_path, files) if probe.sensor.states}
    assert alarms["temp1"].sensor.quantity == "thermal.alarm"
    assert alarms["temp1"].read() == States(1 << hwmon.ALARMS.index("crit"))
    assert alarms["intrusion0"].sensor.quantity == ""
    assert alarms["intrusion0"].read() == States(1)


def test_a_channel_switched_off_is_disabled(tmp_path: Path) -> None:
    got = reading(tmp_path, {"temp1_input": "30000", "temp1_enable": "0"})
    assert isinstance(got, Gap)
    assert got.reason is GapReason.DISABLED


def test_a_channel_that_goes_is_absent(tmp_path: Path) -> None:
    (probe,) = chip(tmp_path, {"temp1_input": "30000"})
    (tmp_path / CHIP / "temp1_input").unlink()
    got = probe.read()
    assert isinstance(got, Gap)
    assert got.reason is GapReason.ABSENT


def test_limits_are_the_chips_own(tmp_path: Path) -> None:
    files = {
        "temp1_input": "40000",
        "temp1_max": "85000",
        "temp1_max_hyst": "80000",
        "temp1_crit": "95000",
        "temp1_emergency": "105000",
        "temp1_min": "0",
        "temp1_lcrit": "-10000",
    }
    limits = chip(tmp_path, files)[0].sensor.limits
    assert limits.source == "hwmon"
    assert (limits.upper_non_critical, limits.upper_critical, limits.upper_non_recoverable) == (85.0, 95.0, 105.0)
    assert (limits.lower_non_critical, limits.lower_critical) == (0.0, -10.0)
    assert limits.hysteresis_rising == 5.0


def test_limits_that_contradict_each_other_are_none(tmp_path: Path) -> None:
    limits = chip(tmp_path, {"in0_input": "1000", "in0_min": "1200", "in0_max": "1100"})[0].sensor.limits
    assert limits.source == ""
    assert limits.upper_non_critical is None


def test_a_fans_full_speed_is_no_limit(tmp_path: Path) -> None:
    limits = chip(tmp_path, {"fan1_input": "900", "fan1_min": "600", "fan1_max": "6156"})[0].sensor.limits
    assert limits.lower_non_critical == 600.0
    assert limits.upper_non_critical is None


def test_average_power_is_read_where_there_is_no_input(tmp_path: Path) -> None:
    assert reading(tmp_path, {"power1_average": "99000000"}) == Number(99.0)


def test_input_power_goes_before_its_average(tmp_path: Path) -> None:
    assert reading(tmp_path, {"power1_average": "99000000", "power1_input": "88000000"}) == Number(88.0)


def test_two_chips_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for number in (0, 1):
        write_files(tmp_path / f"class/hwmon/hwmon{number}", {"name": "jc42", "temp1_input": "30000"})
    ids = [probe.sensor.id for probe in hwmon.scan(tmp_path).probes]
    assert len(set(ids)) == 2


def test_ids_follow_the_device_and_not_the_order_of_the_boot(tmp_path: Path) -> None:
    ids = []
    for number in (0, 7):
        root = tmp_path / str(number)
        device = write_files(root / "devices/platform/coretemp.1", {"uevent": ""})
        folder = write_files(
            device / f"hwmon/hwmon{number}", {"name": "coretemp", "temp1_input": "1", "temp1_label": "Package id 1"}
        )
        (folder / "device").symlink_to(device)
        (root / "class/hwmon").mkdir(parents=True)
        (root / f"class/hwmon/hwmon{number}").symlink_to(folder)
        (probe,) = hwmon.scan(root).probes
        ids.append((probe.sensor.id, probe.sensor.part.slot))
    assert ids[0] == ids[1] == ("coretemp@coretemp.1/temp1", "CPU2")


@pytest.mark.parametrize(("place", "slot"), [("0000:00:18.3", "CPU1"), ("0000:00:19.3", "CPU2")])
def test_amd_processors_are_counted_by_their_northbridge(tmp_path: Path, place: str, slot: str) -> None:
    device = write_files(tmp_path / f"devices/pci0000:00/{place}", {"uevent": ""})
    folder = write_files(device / "hwmon/hwmon0", {"name": "k10temp", "temp1_input": "41000", "temp1_label": "Tctl"})
    (folder / "device").symlink_to(device)
    (tmp_path / "class/hwmon").mkdir(parents=True)
    (tmp_path / "class/hwmon/hwmon0").symlink_to(folder)
    (probe,) = hwmon.scan(tmp_path).probes
    assert (probe.sensor.part.component, probe.sensor.part.slot) == (Component.CPU, slot)


def test_drivers_of_old_kernels_keep_their_files_with_the_device(tmp_path: Path) -> None:
    write_files(tmp_path / CHIP / "device", {"name": "it8720", "in3_input": "3300"})
    (probe,) = hwmon.scan(tmp_path).probes
    assert probe.read() == Number(pytest.approx(3.3))


def test_no_chip_at_all_is_said_and_is_no_error(tmp_path: Path) -> None:
    (line,) = hwmon.scan(tmp_path).coverage
    assert line.status.value == "not_present"
    assert "virtual machines" in line.reason
