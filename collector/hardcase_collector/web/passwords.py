"""Passwords: how good one must be, how it is kept, and whether one is right. Used by signing in, `init` and `users`.

Argon2id takes 64 MiB and a core for each, so that only a few are worked on at a time, whoever asks.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2
import argon2.low_level

from hardcase_collector.domain.errors import NotAllowed, TemporaryError
from hardcase_collector.domain.ports import User

MIN_PASSWORD = 12
MAX_PASSWORD = 1024
FEWEST_LETTERS = 5
"""Different ones: "aaaaaaaaaaaa" is twelve characters long."""
AT_ONCE = 2
WAIT_S = 10.0

_HASHER = argon2.PasswordHasher()
_TURNS = threading.BoundedSemaphore(AT_ONCE)


class Busy(TemporaryError):
    """Too many passwords are being checked; try again in a moment."""


def hash_password(password: str) -> str:
    """Argon2id. Raises NotAllowed for one that is too short or too plain, Busy."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise NotAllowed(
            "a password has at least {least} characters, and at most {most}", least=MIN_PASSWORD, most=MAX_PASSWORD
        )
    if len(set(password)) < FEWEST_LETTERS:
        raise NotAllowed("a password has at least {least} different characters", least=FEWEST_LETTERS)
    with _turn():
        return _HASHER.hash(password)


def password_matches(user: User | None, password: str) -> bool:
    """Takes as long for nobody as for somebody. Raises Busy."""
    try:
        with _turn():
            return _HASHER.verify(user.password_hash if user else _hash_of_none(), password) and user is not None
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def hashed_as_now(password_hash: str) -> bool:
    """False: it was hashed with other parameters than a new one would be."""
    return not _HASHER.check_needs_rehash(password_hash)


def _hash_of_none() -> str:
    """Of no password, and as much work to check as any: a name cannot be told by the time of the answer."""
    lengths = _HASHER.salt_len, _HASHER.hash_len
    salt, digest = (base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in lengths)
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v={argon2.low_level.ARGON2_VERSION}${cost}${salt}${digest}"


@contextmanager
def _turn() -> Iterator[None]:
    if not _TURNS.acquire(timeout=WAIT_S):
        raise Busy("too many passwords are being checked; try again in a moment")
    try:
        yield
    finally:
        _TURNS.release()
