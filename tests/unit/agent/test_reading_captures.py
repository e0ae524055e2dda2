"""Captures are read within bounds, whatever size a file states."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent import decoding


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGEST_CAPTURE", 1000)


def test_a_file_at_the_bound_is_read_and_one_above_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "capture"
    file.write_bytes(b"x" * 1000)
    assert len(decoding.read(file).data) == 1000
    file.write_bytes(b"x" * 1001)
    with pytest.raises(ValueError, match="larger"):
        decoding.read(file)


def test_what_states_no_size_is_not_read_without_end() -> None:
    with pytest.raises(ValueError, match="larger"):
        decoding.read(Path("/dev/zero"))


def test_a_folder_is_bounded_as_a_whole(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x" * 500)
    assert len(decoding.read(tmp_path).files) == 2
    (tmp_path / "b").write_bytes(b"x" * 10_000_000)
    with pytest.raises(ValueError, match="more than"):
        decoding.read(tmp_path)
    assert [line["kind"] for line in decoding.decode_file("edac", tmp_path)] == ["refused"]
