"""The SDR cache: what is saved comes back, what is not exactly right does not."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hardcase_agent.sensors.ipmi.cache import Cached, StateFile, load, save
from hardcase_agent.sensors.ipmi.records import Defaults
from hardcase_agent.sensors.ipmi.repository import Repository

from tests.fakes.bmc import FakeBmc


def cached(key: str = "firmware 2.15") -> Cached:
    limits = Defaults(readable=0b111000, values=bytes((0, 0, 0, 85, 95, 105)), rising=2, falling=2)
    repository = Repository(records=tuple(FakeBmc().records), stated={"20.0.1/3.1": limits})
    return Cached(key=key, repository=repository, comparisons={"20.0.1/3.1": 8})


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state" / "bmc.json")
    save(file, cached())
    assert load(file, "firmware 2.15") == cached()


def test_another_firmware_voids_it(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "bmc.json")
    save(file, cached())
    assert load(file, "firmware 2.16") is None


def test_no_file_and_a_directory_in_its_place_count_as_none(tmp_path: Path) -> None:
    assert load(StateFile(tmp_path / "absent.json"), "k") is None
    (tmp_path / "folder.json").mkdir()
    assert load(StateFile(tmp_path / "folder.json"), "k") is None


def test_a_file_cut_or_changed_anywhere_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "bmc.json"
    save(StateFile(path), cached())
    good = path.read_bytes()
    for at in range(0, len(good), 41):
        for bad in (good[:at], good[:at] + bytes((good[at] ^ 0x01,)) + good[at + 1 :]):
            path.write_bytes(bad)
            assert load(StateFile(path), "firmware 2.15") in (None, cached())
    path.write_bytes(good[: len(good) // 2])
    assert load(StateFile(path), "firmware 2.15") is None


def test_a_file_with_a_true_checksum_and_wrong_content_counts_as_none(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "bmc.json")
    for content in ({"key": "k"}, {"key": "k", "records": ["zz"], "limits": {}, "comparisons": {}, "broken": 0},
                    {"key": "k", "records": [], "limits": {}, "comparisons": {}, "broken": 0},
                    {"key": "k", "records": ["0000510105"], "limits": {}, "comparisons": {}, "broken": 0}):  # fmt: skip
        file.save(content)
        assert load(file, "k") is None


def test_only_the_agent_may_read_it_and_no_temporary_file_stays(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "bmc.json")
    save(file, cached())
    assert os.stat(tmp_path / "bmc.json").st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["bmc.json"]
    assert json.loads((tmp_path / "bmc.json").read_text())["version"] == 1
