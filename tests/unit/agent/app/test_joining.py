"""The drop-in file: who may have written it, what it must say, when it is tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hardcase_agent import joining
from hardcase_agent.config import CollectorSettings
from hardcase_agent.domain.errors import (
    AgentError,
    CollectorUnreachable,
    ConfigError,
    EnrolmentRefused,
    WaitingForApproval,
)
from hardcase_agent.domain.part import Asset
from hardcase_agent.joining import LOOK_S, POLL_S, FileJoining, Ticket, read_ticket

from tests.fakes.clock import FakeClock

GOOD = 'collector = "collector.example.com"\nfingerprint = "sha256:00"\ntoken = "hct_secret"\n'


class Tries:
    """What comes of each try; stands for `joining.join`."""

    def __init__(self) -> None:
        self.count = 0
        self.raises: AgentError | None = None

    async def __call__(self, ticket: Ticket, *rest: object) -> str:
        self.count += 1
        if self.raises is not None:
            raise self.raises
        return "this host's clock is 2.0 days behind the collector's"


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Tries:
    made = Tries()
    monkeypatch.setattr(joining, "join", made)
    return made


Open = Callable[[], FileJoining]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    return lambda: FileJoining(
        host=Asset(hostname="h"),
        clock=FakeClock(),
        state_dir=tmp_path / "state",
        chance=lambda: 0.0,
        environment={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")},
    )


class Drop:
    """The drop-in file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch(mode=0o600)
        self.says(GOOD)

    def says(self, text: str) -> None:
        self.path.write_text(text)

    def open_to(self, mode: int) -> None:
        self.path.chmod(mode)


@pytest.fixture
def file(tmp_path: Path) -> Drop:
    return Drop(tmp_path / "join.toml")


def settings(file: Drop) -> CollectorSettings:
    return CollectorSettings(join=file.path)


async def test_without_a_file_it_is_looked_for_and_nothing_is_said(
    tries: Tries, opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await opened().once(CollectorSettings(join=tmp_path / "none")) == LOOK_S
    assert (tries.count, caplog.text) == (0, "")


async def test_a_file_joins_and_a_wrong_clock_is_told(
    tries: Tries, opened: Open, file: Drop, caplog: pytest.LogCaptureFixture
) -> None:
    assert await opened().once(settings(file)) == 0.0
    assert "2.0 days behind" in caplog.text
    assert "hct_secret" not in caplog.text


async def test_a_credential_of_systemd_goes_before_the_file(
    tries: Tries, opened: Open, file: Drop, tmp_path: Path
) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / joining.CREDENTIAL).write_text(GOOD)
    file.says("not TOML at all [")
    assert await opened().once(settings(file)) == 0.0
    assert tries.count == 1


async def test_a_refused_file_is_tried_again_only_when_it_is_another_one(
    tries: Tries, opened: Open, file: Drop, caplog: pytest.LogCaptureFixture
) -> None:
    tries.raises = EnrolmentRefused("refused (token-used-up)", "token-used-up")
    first = opened()
    for _ in range(3):
        assert await first.once(settings(file)) == LOOK_S
    # Nor after a restart.
    assert await opened().once(settings(file)) == LOOK_S
    assert tries.count == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    file.says(GOOD.replace("secret", "other"))
    await opened().once(settings(file))
    assert tries.count == 2


async def test_a_server_that_is_another_one_is_no_refusal_and_is_asked_again(
    tries: Tries, opened: Open, file: Drop
) -> None:
    tries.raises = EnrolmentRefused("does not show a CA with this fingerprint; nothing was sent")
    made = opened()
    assert await made.once(settings(file)) == POLL_S
    await made.once(settings(file))
    assert tries.count == 2


async def test_who_waits_asks_again_and_a_collector_that_is_away_is_asked_ever_less_often(
    tries: Tries, opened: Open, file: Drop, caplog: pytest.LogCaptureFixture
) -> None:
    made = opened()
    tries.raises = WaitingForApproval("this host waits for approval as 12ab")
    assert [await made.once(settings(file)) for _ in range(2)] == [POLL_S, POLL_S]
    tries.raises = CollectorUnreachable("nobody there")
    waits = [await made.once(settings(file)) for _ in range(10)]
    assert waits == sorted(waits)
    assert waits[-1] >= 30
    assert len(caplog.records) == 2


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
async def test_a_file_that_others_may_read_or_write_is_not_believed(
    tries: Tries, opened: Open, file: Drop, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    file.open_to(mode)
    await opened().once(settings(file))
    assert tries.count == 0
    assert "chmod 0640" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "not TOML"),
        ('token = "x"', "collector: missing"),
        ('collector = "c"\ntoken = "x"', "fingerprint or ca"),
        ('collector = "c"\nfingerprint = "f"', "one of token and token_file"),
        ('collector = "c d"\nfingerprint = "f"\ntoken = "x"', "not a host"),
        ('collector = "c"\nfingerprint = "f"\ntoken = "two words"', "one word"),
        ('collector = "c"\nfingerprint = "f"\ntoken = "x"\nkey = "k"', "certificate and key"),
        ('collector = "c"\nfingerprint = "f"\ntokn = "secret"', "tokn: unknown key"),
    ],
)
def test_mistakes_are_named_without_the_token(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_ticket(text, "join.toml")
    assert "secret" not in str(caught.value)


def test_a_ticket_goes_to_the_port_that_takes_it() -> None:
    ticket = read_ticket(GOOD, "join.toml")
    assert (ticket.target, ticket.secret()) == ("collector.example.com:4741", "hct_secret")
    own = Ticket(collector="::1", token="t", ca="/ca", certificate="/c", key="/k")
    assert own.target == "[::1]:4740"
    assert "hct_secret" not in repr(ticket)
