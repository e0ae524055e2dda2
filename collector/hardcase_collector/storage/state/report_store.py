"""ReportStore over SQL: people's reports and attachments.

Made by the transaction of `store.py`.
"""

from __future__ import annotations

from sqlalchemy import Connection


class SqlReportStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
