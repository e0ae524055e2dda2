"""The contract of windows, storms and answers, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.contracts.noise_store import NoiseContract
from tests.contracts.stores import OnPostgresql, OnSqlite
from tests.fakes.empty_store import empty_store


class TestSqlite(OnSqlite, NoiseContract):
    @pytest.mark.parametrize(
        ("query", "index"),
        [
            ("SELECT * FROM planned_windows WHERE scope IN ('a', 'b') AND last_ms > 5", "planned_windows_scope"),
            ("SELECT * FROM storms WHERE kind = 'a' AND scope = 'b'", "sqlite_autoindex_storms"),
            ("SELECT * FROM storms WHERE due_ms <= 5 ORDER BY due_ms LIMIT 5", "ix_storms_due_ms"),
            ("SELECT * FROM storms WHERE parent = 5", "ix_storms_parent"),
            ("SELECT * FROM cases WHERE parent = 5", "ix_cases_parent"),
            (
                "UPDATE findings SET held_until_ms = 1 WHERE held <> '' AND held = 'window' AND held_until_ms = 5",
                "ix_findings_held",
            ),
            ("SELECT * FROM whys WHERE rule = 'r' ORDER BY id DESC LIMIT 5", "ix_whys_rule_id"),
            ("SELECT * FROM whys WHERE reason = 'r' ORDER BY id DESC LIMIT 5", "ix_whys_reason_id"),
        ],
    )
    def test_no_question_of_the_desk_reads_a_whole_table(self, tmp_path: Path, query: str, index: str) -> None:
        opened = empty_store(tmp_path / "plan.db")
        with opened._writer.begin() as connection:
            plan = " ".join(str(row) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))
        opened.close()
        assert index in plan
        assert "SCAN" not in plan.replace("SCAN whys USING INDEX", "")


class TestPostgresql(OnPostgresql, NoiseContract):
    pass
