"""ClockStore over SQL: terms frozen with a case, watched clocks, teams and duty rotas.

Made by the transaction of `store.py`.
"""

from __future__ import annotations

from sqlalchemy import Connection


class SqlClockStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
