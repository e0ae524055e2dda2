"""`init` makes what is missing and keeps what is there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hardcase_collector import founding, pki
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.roots import Roots

NOW = datetime.now(UTC)


def test_init_makes_a_private_directory_and_is_repeatable(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)

    first = founding.found(data, ("localhost",), now=NOW)
    again = founding.found(data, ("localhost",), now=NOW)

    assert data.stat().st_mode & 0o777 == 0o700
    assert first.made
    assert not again.made
    assert first.fingerprint == again.fingerprint == pki.fingerprint(pki.ServerFiles.below(data).ca.read_bytes())


def test_init_for_a_name_the_ca_may_not_sign_says_what_to_do(tmp_path: Path) -> None:
    founding.found(tmp_path, ("localhost",), now=NOW)

    with pytest.raises(ConfigError, match=r"is not for new\.example\.com.*run init again"):
        founding.found(tmp_path, ("new.example.com",), now=NOW)


def test_a_path_that_cannot_be_made_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(ConfigError, match="file"):
        founding.found(tmp_path / "file" / "data", ("localhost",), now=NOW)


def test_passwords_are_long_and_differ() -> None:
    passwords = {founding.generated_password() for _ in range(50)}

    assert len(passwords) == 50
    assert all(len(password) == 20 for password in passwords)


def test_init_during_a_rollover_prints_the_fingerprint_that_joining_hosts_are_shown(tmp_path: Path) -> None:
    first = founding.found(tmp_path / "data", ("localhost",), now=NOW).fingerprint
    roots = Roots(pki.ServerFiles.below(tmp_path / "data"))
    second = roots.rotate(now=NOW)
    assert founding.found(tmp_path / "data", ("localhost",), now=NOW).fingerprint == first
    roots.retire(now=NOW)
    assert founding.found(tmp_path / "data", ("localhost",), now=NOW).fingerprint == second
