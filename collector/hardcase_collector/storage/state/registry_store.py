"""RegistryStore over SQL: customers, sites, contacts, custody of assets, entitlements.

Made by the transaction of `store.py`.
"""

from __future__ import annotations

from sqlalchemy import Connection


class SqlRegistryStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
