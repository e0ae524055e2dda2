"""Secrets come from files and systemd credentials, and are never part of an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.secret_files import check_key, read_secret


def private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def test_a_secret_is_the_file_without_its_line_end(tmp_path: Path) -> None:
    private(tmp_path / "s", b"hunter2 \n")

    assert read_secret(f"file:{tmp_path}/s") == "hunter2 "


def test_a_credential_is_read_from_systemds_directory(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("hunter2", encoding="utf-8")

    assert read_secret("credential:hook", environment={"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "hunter2"


@pytest.mark.parametrize(
    "reference", ["file:/nonexistent/s", "credential:hook", "credential:../../etc/shadow", "plain"]
)
def test_what_cannot_be_read_is_said_with_its_reference(reference: str) -> None:
    environment = {"CREDENTIALS_DIRECTORY": "/run/credentials"} if ".." in reference else {}

    with pytest.raises(ConfigError, match=reference.split(":")[0]):
        read_secret(reference, environment=environment)


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 70000, b"\xff\xfe"])
def test_an_empty_huge_or_binary_file_is_no_secret(tmp_path: Path, content: bytes) -> None:
    private(tmp_path / "s", content)

    with pytest.raises(ConfigError):
        read_secret(f"file:{tmp_path}/s")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o622])
def test_a_secret_that_others_may_read_or_write_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    private(tmp_path / "s", b"hunter2")
    (tmp_path / "s").chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 0600 {tmp_path}/s") as refused:
        read_secret(f"file:{tmp_path}/s")
    assert "hunter2" not in str(refused.value)


def test_a_key_may_be_its_groups_and_never_everybodys(tmp_path: Path) -> None:
    private(tmp_path / "key", b"PEM")
    (tmp_path / "key").chmod(0o640)
    check_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod o="):
        check_key(tmp_path / "key")
