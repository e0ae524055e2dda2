"""Addresses as people write them, and by which proxy they are reached."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.config import CollectorSettings
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.proxies import proxy_for
from hardcase_agent.uplink.endpoint import Proxy, parse_proxy, proxy_of_environment, target_of


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("collector.example.com", "collector.example.com:4741"),
        (" collector:4999 ", "collector:4999"),
        ("10.0.0.7", "10.0.0.7:4741"),
        ("::1", "[::1]:4741"),
        ("[::1]", "[::1]:4741"),
        ("[2001:db8::7]:5000", "[2001:db8::7]:5000"),
    ],
)
def test_a_collector_is_a_host_or_host_and_port(written: str, target: str) -> None:
    assert target_of(written, 4741) == target


@pytest.mark.parametrize("written", ["", ":4741", "a b", "host:", "host:0", "host:70000", "https://host", "user@host"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        target_of(written, 4741)


def test_a_proxy_is_plain_http_and_its_address_holds_no_password() -> None:
    assert parse_proxy("http://proxy.example.com:8080/") == "proxy.example.com:8080"
    assert parse_proxy("proxy") == "proxy:3128"
    with pytest.raises(ValueError, match="https"):
        parse_proxy("https://proxy:1")
    with pytest.raises(ValueError, match="proxy_user") as caught:
        parse_proxy("http://user:secret@proxy:1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "without", "used"),
    [
        ("collector.example.com:4740", "", True),
        ("collector.example.com:4740", "other.com, .example.com", False),
        ("collector.example.com:4740", "example.org,collector.example.com", False),
        ("notexample.com:1", "example.com", True),
        ("10.1.2.3:1", "10.0.0.0/8", False),
        ("[2001:db8::1]:1", "2001:db8::/32", False),
        ("collector:1", "*", False),
        ("127.0.0.1:1", "", False),
    ],
)
def test_the_environment_names_a_proxy_and_exceptions(target: str, without: str, used: bool) -> None:
    found = proxy_of_environment(target, {"https_proxy": "http://proxy:8080", "no_proxy": without})
    assert found == (Proxy(address="proxy:8080") if used else None)


def test_a_setting_goes_before_the_environment_and_none_means_directly(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("pa:ss\n")
    environment = {"https_proxy": "http://other:1", "no_proxy": "*"}
    settings = CollectorSettings(proxy="http://proxy:8080", proxy_user="u", proxy_password=f"file:{secret}")
    found = proxy_for(settings, "collector:1", environment)
    assert found is not None
    assert (found.address, found.authorization) == ("proxy:8080", "Basic dTpwYTpzcw==")
    assert "pa:ss" not in repr(found)
    assert proxy_for(CollectorSettings(proxy="none"), "collector:1", {"https_proxy": "http://other:1"}) is None
    with pytest.raises(ConfigError, match="reached by http"):
        proxy_for(CollectorSettings(), "collector:1", {"https_proxy": "socks5://other:1"})
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="may be read by others"):
        proxy_for(settings, "collector:1", environment)


@pytest.mark.parametrize(
    "settings",
    [{"proxy": "https://p:1"}, {"proxy_user": "u"}, {"proxy_user": "u", "proxy_password": "hunter-two"}],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        CollectorSettings(**settings)  # type: ignore[arg-type]  # strings all
    assert "hunter-two" not in str(caught.value)
