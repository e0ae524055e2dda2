"""Secrets by reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.secrets import FileSecrets


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_private_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    path = private(tmp_path / "p", " pass word \r\n")
    assert FileSecrets({}).read(f"file:{path}") == " pass word "


def test_a_file_that_others_may_read_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = private(tmp_path / "p", "hunter2")
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 0600") as caught:
        FileSecrets({}).read(f"file:{path}")
    assert "hunter2" not in str(caught.value)


def test_a_systemd_credential_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "bmc").write_text("secret\n")
    assert FileSecrets({"CREDENTIALS_DIRECTORY": str(tmp_path)}).read("credential:bmc") == "secret"
    with pytest.raises(ConfigError, match="LoadCredential"):
        FileSecrets({}).read("credential:bmc")


@pytest.mark.parametrize(
    "reference", ["hunter2", "file:relative", "credential:", "credential:../x", "credential:..", ""]
)
def test_anything_else_is_refused_without_being_repeated(reference: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        FileSecrets({"CREDENTIALS_DIRECTORY": str(tmp_path)}).read(reference)
    assert "hunter2" not in str(caught.value)


def test_what_is_missing_too_large_or_not_text_is_refused(tmp_path: Path) -> None:
    for content in (None, b"x" * 70_000, b"\xff\xfe"):
        path = tmp_path / "p"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
            path.chmod(0o600)
        with pytest.raises(ConfigError):
            FileSecrets({}).read(f"file:{path}")
