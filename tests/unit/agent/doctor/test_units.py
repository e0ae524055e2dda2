"""What of the units' confinement a drop-in or an own copy changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.doctor import units
from hardcase_agent.doctor.place import Place
from hardcase_agent.domain.event import CoverageLine, CoverageStatus

BAD, FINE = CoverageStatus.UNREADABLE, CoverageStatus.WATCHED


@pytest.fixture
def place(root: Path, tmp_path: Path) -> Place:
    shipped = tmp_path / "usr/lib/systemd/system"
    shipped.mkdir(parents=True)
    for name in ("agent", "helper"):
        unit = f"hardcase-{name}.service"
        (shipped / unit).write_text((root / "deploy/agent" / unit).read_text(encoding="utf-8"))
    return Place(root=tmp_path)


def drop_in(place: Place, unit: str, text: str, *, home: str = "etc/systemd/system", name: str = "override") -> None:
    path = place.at(f"/{home}/{unit}.service.d/{name}.conf")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[Service]\n{text}\n")


def changed(place: Place) -> list[CoverageLine]:
    return [line for line in units.lines(place) if line.cure]


def test_units_as_shipped_are_told_as_such(place: Place) -> None:
    lines = list(units.lines(place))
    assert changed(place) == []
    assert all("as it is shipped" in line.reason for line in lines)


@pytest.mark.parametrize(
    ("unit", "text", "status"),
    [
        ("hardcase-agent", "User=root", BAD),
        ("hardcase-agent", "PrivateDevices=no", BAD),
        ("hardcase-agent", "CapabilityBoundingSet=CAP_NET_ADMIN", BAD),
        ("hardcase-agent", "SystemCallFilter=", BAD),
        ("hardcase-helper", "PrivateNetwork=no", BAD),
        ("hardcase-helper", "DeviceAllow=/dev/mem rw", BAD),
        ("hardcase-helper", "User=root", FINE),
        ("hardcase-helper", "ReadWritePaths=-/sys/devices", FINE),
    ],
)
def test_a_drop_in_that_opens_something_is_told_by_its_name(place: Place, unit: str, text: str, status: str) -> None:
    drop_in(place, unit, text)
    (line,) = changed(place)
    assert line.status is status
    assert text in line.reason
    assert "override.conf" in line.reason


@pytest.mark.parametrize(
    "text",
    ["MemoryMax=1G", "LoadCredential=bmc:/etc/hardcase/bmc", "CPUQuota=50%", "NoNewPrivileges=yes", "Restart=no"],
)
def test_limits_credentials_and_what_stands_there_anyway_open_nothing(place: Place, text: str) -> None:
    drop_in(place, "hardcase-agent", text)
    assert changed(place) == []


def test_a_unit_of_etc_hides_the_shipped_one(place: Place) -> None:
    own = place.at("/etc/systemd/system/hardcase-agent.service")
    own.parent.mkdir(parents=True)
    own.write_text("[Service]\nUser=root\n")
    (line,) = changed(place)
    assert line.status is BAD
    assert "takes the place of" in line.reason


def test_a_machine_without_units_is_no_fault(tmp_path: Path) -> None:
    assert {line.status for line in units.lines(Place(root=tmp_path))} == {FINE}


def test_of_drop_ins_of_one_name_that_of_etc_counts(place: Place) -> None:
    drop_in(place, "hardcase-helper", "User=root", home="usr/lib/systemd/system")
    drop_in(place, "hardcase-helper", "User=other")
    assert units.read(place, "hardcase-helper.service").last("User") == "other"


def test_continued_lines_are_one(place: Place) -> None:
    assert "--lit" in units.read(place, "hardcase-helper.service").last("ExecStart")
