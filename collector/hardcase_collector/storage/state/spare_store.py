"""SpareStore over SQL: depots, stock, compatible spares, part orders, maintenance records, satisfaction.

Made by the transaction of `store.py`.
"""

from __future__ import annotations

from sqlalchemy import Connection


class SqlSpareStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
