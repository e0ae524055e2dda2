"""By which proxy the collector is reached: the setting, else the environment. Called by `link.py` and `joining.py`."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hardcase_agent.config import CollectorSettings
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.secrets import FileSecrets
from hardcase_agent.uplink.endpoint import Proxy, parse_proxy, proxy_of_environment


def proxy_for(settings: CollectorSettings, target: str, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """None = directly. Raises ConfigError, which names the password's place and never the password."""
    if settings.proxy == "none":
        return None
    try:
        if not settings.proxy:
            found = proxy_of_environment(target, environment)
            address = found.address if found is not None else ""
        else:
            address = parse_proxy(settings.proxy)
    except ValueError as error:
        raise ConfigError((f"proxy: {error}",)) from error
    if not address:
        return None
    password = FileSecrets(environment).read(settings.proxy_password) if settings.proxy_password else ""
    return Proxy(address=address, user=settings.proxy_user, password=password)
