"""NoiseStore over SQL: planned windows by site and tag, storms, how cases were closed.

Made by the transaction of `store.py`.
"""

from __future__ import annotations

from sqlalchemy import Connection


class SqlNoiseStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
