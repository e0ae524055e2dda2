"""Captured kernel trees against what node_exporter and telegraf read from the same files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hardcase_agent.domain.reading import Number, States
from hardcase_agent.sensors.host import arrays, edac, hwmon
from hardcase_agent.sensors.host.probe import Scan

from tests.golden.host.trees import fixture, write_capture


@pytest.fixture
def node(tmp_path: Path) -> Path:
    return write_capture(tmp_path, fixture("kernel/sysfs/node_exporter_sysfs.json"))


def values(scan: Scan) -> dict[str, float]:
    read = {probe.sensor.id: probe.read() for probe in scan.probes}
    return {key: reading.value for key, reading in read.items() if isinstance(reading, Number)}


def expected(pattern: str) -> dict[tuple[str, ...], float]:
    text = fixture("kernel/sysfs/node_exporter_expected_metrics.txt").read_text()
    return {match.groups()[:-1]: float(match.groups()[-1]) for match in re.finditer(pattern, text, re.MULTILINE)}


def test_temperatures_are_those_node_exporter_reads(node: Path) -> None:
    told = expected(r'^node_hwmon_temp_celsius\{chip="([^"]+)",sensor="([^"]+)"\} (\S+)$')
    ours = values(hwmon.scan(node, skip=()))
    names = {"platform_coretemp_0": "coretemp@coretemp.0", "platform_coretemp_1": "coretemp@coretemp.1"}
    compared = 0
    for (chip, channel), value in told.items():
        if chip in names and channel == "temp1":
            assert ours[f"{names[chip]}/{channel}"] == pytest.approx(value)
            compared += 1
    assert compared == 2
    assert ours["nct6779@virtual/fan2"] == 1098.0
    assert ours["nct6779@virtual/in0"] == pytest.approx(0.792)


def test_cores_are_left_to_their_package_and_each_package_is_a_processor(node: Path) -> None:
    sensors = [probe.sensor for probe in hwmon.scan(node).probes if not probe.sensor.states]
    cpus = [sensor for sensor in sensors if sensor.part.component.value == "cpu"]
    assert [(sensor.name, sensor.part.slot) for sensor in cpus] == [
        ("coretemp Physical id 0", "CPU1"),
        ("coretemp Physical id 0", "CPU2"),
    ]
    assert cpus[0].limits.upper_non_critical == 84.0
    assert cpus[0].limits.upper_critical == 100.0


def test_channels_without_a_meaning_here_are_no_sensors(node: Path) -> None:
    ids = [probe.sensor.id for probe in hwmon.scan(node).probes]
    assert not [key for key in ids if "bogus" in key or "pwm" in key or "freq" in key]
    assert len(ids) == len(set(ids))


def test_registers_of_zero_are_no_limits(node: Path) -> None:
    sensors = {probe.sensor.id: probe.sensor for probe in hwmon.scan(node).probes}
    assert sensors["nct6779@virtual/in1"].limits.source == ""
    assert sensors["nct6779@virtual/fan2"].limits.source == ""
    assert sensors["nct6779@virtual/in0"].limits.upper_non_critical == pytest.approx(1.744)
    assert sensors["nct6779@virtual/in0"].limits.lower_non_critical is None


def test_memory_counters_are_those_node_exporter_reads(node: Path) -> None:
    ours = values(edac.scan(node, sums=True))
    told = expected(
        r'^node_edac_channel_correctable_errors_total\{channel="(\d)",controller="(\d)",csrow="(\d)",[^}]*\} (\S+)$'
    )
    assert told
    for (channel, controller, row), value in told.items():
        assert ours[f"mc{controller}/csrow{row}/ch{channel}/corrected"] == value
    rows = expected(r'^node_edac_csrow_uncorrectable_errors_total\{controller="(\d)",csrow="(\d)"\} (\S+)$')
    for (controller, row), value in rows.items():
        assert ours[f"mc{controller}/csrow{row}/sum/uncorrected"] == value
    # Channels that count uncorrected errors themselves say of which module they are.
    assert ours["mc0/csrow0/ch1/uncorrected"] == 2.0
    assert ours["mc0/csrow2/uncorrected"] == 5.0
    assert ours["mc0/noinfo/corrected"] == 2.0
    assert ours["mc0/noinfo/uncorrected"] == 6.0


def test_arrays_say_degraded_rebuilding_and_failed(node: Path) -> None:
    probes = arrays.scan(node).probes
    found = {probe.sensor.part.slot: probe.read() for probe in probes}
    members = {probe.sensor.part.slot: probe.sensor for probe in probes if probe.sensor.quantity == "disk.member"}
    assert members["sdp"].states[4] == "failed"
    assert found["sdp"] == States(1 << 4)
    assert found["sdn"] == States(1 << 0)
    assert found["md5"] == States(0b001)
    assert found["md6"] == States(0b011)
    for name in ("md0", "md1", "md4", "md10"):
        assert found[name] == States(0)


def test_nvme_sentinels_are_no_limits(tmp_path: Path) -> None:
    capture = fixture("kernel/sysfs/telegraf_hwmon_with_device_tag.json")
    probes = [probe for probe in hwmon.scan(write_capture(tmp_path, capture), skip=()).probes]
    disks = [one.sensor for one in probes if one.sensor.name.startswith("nvme") and not one.sensor.states]
    assert disks
    for sensor in disks:
        assert sensor.limits.lower_non_critical is None
        if "Sensor" in sensor.name:
            assert sensor.limits.source == ""
        else:
            assert sensor.limits.upper_critical == pytest.approx(84.85)
            assert sensor.limits.upper_non_critical == pytest.approx(81.85)


def test_disks_are_left_to_the_smart_family(tmp_path: Path) -> None:
    sysfs = write_capture(tmp_path, fixture("kernel/sysfs/telegraf_hwmon_with_device_tag.json"))
    assert not [probe for probe in hwmon.scan(sysfs).probes if probe.sensor.name.startswith("nvme")]
