"""RepairStore over SQL: proposals, quotes, signed links, engineers, dispatches, site access, hand-off to vendors.

Made by the transaction of `store.py`.
"""

from __future__ import annotations

from sqlalchemy import Connection


class SqlRepairStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
