"""collector.toml: defaults, and all mistakes at once with their keys."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from hardcase_collector import config
from hardcase_collector.domain.errors import ConfigError


def test_the_sample_file_equals_the_defaults_of_the_code(root: Path) -> None:
    text = (root / "deploy/collector/collector.toml").read_text(encoding="utf-8")

    assert config.parse(text, origin="sample") == config.Settings()


def test_the_sample_file_shows_every_setting(root: Path) -> None:
    text = (root / "deploy/collector/collector.toml").read_text(encoding="utf-8")
    shown = set(re.findall(r"^(?:# )?([a-z_]+) = ", text, re.MULTILINE))
    sections = [config.Settings, config.Webhook, config.Listen, config.State, config.Telemetry]
    sections += [config.Disk, config.Rules, config.Cases, config.Web]
    wanted = {
        field.name
        for section in sections
        for field in dataclasses.fields(section)  # type: ignore[arg-type]  # pydantic's dataclasses are dataclasses
        if not dataclasses.is_dataclass(field.default)
    }

    assert wanted - shown == set()


def test_the_commented_lines_of_the_sample_are_valid_too(root: Path) -> None:
    text = (root / "deploy/collector/collector.toml").read_text(encoding="utf-8")
    live = re.sub(r"^# (?=[a-z_]+ = |\[\[)", "", text, flags=re.MULTILINE).replace("webhook = []\n", "")
    tomllib.loads(live)

    settings = config.parse(live, origin="sample")

    assert settings.channel.webhook[0].secret == "credential:tickets-webhook"
    assert settings.web.certificate == Path("/etc/hardcase/web.crt")


def test_all_mistakes_are_told_together_with_their_keys() -> None:
    text = """
    mode = "sometimes"
    surprise = 1
    [listen]
    telemetry = "4740"
    [telemetry]
    memory_limit_mb = "512"
    [[channel.webhook]]
    name = "Tickets!"
    url = "https://example.com"
    secret = "hunter2"
    """

    with pytest.raises(ConfigError) as caught:
        config.parse(text, origin="c.toml")

    keys = {line.split(": ")[1] for line in caught.value.mistakes}
    assert keys == {
        "mode",
        "surprise",
        "listen.telemetry",
        "telemetry.memory_limit_mb",
        "channel.webhook[0].name",
        "channel.webhook[0].secret",
    }
    assert all(line.startswith("c.toml: ") for line in caught.value.mistakes)


@pytest.mark.parametrize(
    "text",
    [
        '[state]\nurl = "postgresql+psycopg://me:hunter2@db/hardcase"',
        '[[channel.webhook]]\nname = "a"\nurl = "https://x"\nsecret = "hunter2"',
        '[state]\npassword = "hunter2"',
        "hunter2 hunter2",
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, origin="c.toml")

    assert "hunter2" not in str(caught.value)


def test_half_a_certificate_is_refused() -> None:
    with pytest.raises(ConfigError, match="together or not at all"):
        config.parse('[web]\ncertificate = "/a"', origin="c.toml")


def test_two_channels_of_one_name_are_refused() -> None:
    hook = '[[channel.webhook]]\nname = "a"\nurl = "https://x"\nsecret = "file:/s"\n'

    with pytest.raises(ConfigError, match="same name"):
        config.parse(hook * 2, origin="c.toml")


def test_a_file_named_on_the_command_line_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        config.load(tmp_path / "absent.toml")
