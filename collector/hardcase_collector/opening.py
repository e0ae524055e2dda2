"""Opens the state store alone, under the lock: for `init`, and as the first step of `composition.py`.

Apart from it, so that `init` need not load the telemetry store, the wire and the pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hardcase_collector.config import Settings
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.domain.ports import User
from hardcase_collector.secret_files import read_secret
from hardcase_collector.storage.state.lock import StoreLock
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.passwords import hash_password


@contextmanager
def locked_state(settings: Settings) -> Iterator[SqlStateStore]:
    """The state store alone, under the lock. Raises ConfigError, StoreLocked, StoreFailed."""
    with ExitStack() as stack:
        stack.enter_context(_lock(settings.data_dir))
        state = SqlStateStore.open(state_url(settings), migrate=True)
        stack.callback(state.close)
        yield state


def _lock(data_dir: Path) -> StoreLock:
    if not data_dir.is_dir():
        raise ConfigError((f"{data_dir}: there is no data directory; run hardcase-collector init",))
    return StoreLock(data_dir / "lock")


def state_url(settings: Settings) -> str:
    """With the password filled in. Raises ConfigError."""
    url = settings.state.url or f"sqlite:///{settings.data_dir / 'state.sqlite'}"
    if settings.state.password is None:
        return url
    from sqlalchemy import make_url

    whole = make_url(url).set(password=read_secret(settings.state.password))
    return whole.render_as_string(hide_password=False)


def add_first_administrator(
    settings: Settings, name: str, password: str, *, now_ms: int, must_change: bool = False
) -> bool:
    """False: there is an administrator already. Raises NotAllowed (short password), StoreLocked, StoreFailed."""
    with locked_state(settings) as state, state.write() as tx:
        if any(user.role == Role.ADMINISTRATOR for user in tx.access.users(customer=None)):
            return False
        tx.access.add_user(
            User(
                name=name,
                role=Role.ADMINISTRATOR,
                customer=None,
                password_hash=hash_password(password),
                language="",
                time_zone="UTC",
                must_change=must_change,
            )
        )
        tx.access.audit(at_ms=now_ms, actor="init", action="user.added", subject=name, facts={"role": "administrator"})
        return True
