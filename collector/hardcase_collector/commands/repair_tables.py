"""Tables of `cases repair`: proposals, visits, access, vendor, service reports, follow-ups and links of one case.

Quotes are shown by `repairs.py`, which calls this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hardcase_collector.commands import talk
from hardcase_collector.tongue import _, heads, word

Rows = Sequence[Mapping[str, Any]]


def show_proposals(proposals: Rows) -> None:
    rows = (
        (
            one["number"],
            word(f"manner.{one['manner']}"),
            one["solution"],
            talk.time(one["expected_ms"]),
            one["duration_s"] // 60 or "-",
            ", ".join(word(f"quote_line.{kind}") for kind in one["uncovered"]) or "-",
            word(f"proposal.{one['state']}"),
            one["decided_by"] or "-",
        )
        for one in proposals
    )
    columns = heads("proposal", "manner", "solution", "work begins", "minutes", "to be quoted", "state", "decided by")
    talk.show_table("", columns, rows, empty=_("No proposal yet."))


def show_visits(visits: Rows) -> None:
    rows = (
        (
            one["number"],
            one["engineer"],
            word(f"dispatch.{one['state']}"),
            talk.time(one["expected_ms"]),
            talk.time(one["arrived_ms"]),
            one["result"] or one["reason"] or "-",
        )
        for one in visits
    )
    columns = heads("visit", "engineer", "state", "expected on site", "arrived", "result or reason")
    talk.show_table(_("Visits"), columns, rows, empty=_("No visits."))


def show_around(found: Mapping[str, Rows]) -> None:
    """What there need not be: nothing is said of it where there is none."""
    _show_access(found["access"])
    _show_hand_offs(found["hand_offs"])
    _show_reports(found["service_reports"])
    _show_follow_ups(found["follow_ups"])


def _show_access(rows: Rows) -> None:
    _table(
        _("Access to the machine room"),
        heads("id", "who goes in", "from when", "until", "state", "approval number"),
        [
            (
                one["number"],
                ", ".join(one["names"]),
                talk.time(one["from_ms"]),
                talk.time(one["until_ms"]),
                word(f"access.{one['state']}"),
                one["reference"] or one["reason"] or "-",
            )
            for one in rows
        ],
    )


def _show_hand_offs(rows: Rows) -> None:
    _table(
        _("Handed to the vendor"),
        heads("vendor", "vendor's case", "RMA", "promised", "finished", "result"),
        [
            (
                one["vendor"],
                one["vendor_case"] or "-",
                one["rma"] or "-",
                talk.time(one["promised_ms"]),
                talk.time(one["done_ms"]),
                one["result"] or "-",
            )
            for one in rows
        ],
    )


def _show_reports(rows: Rows) -> None:
    _table(
        _("Service reports"),
        heads("service report", "result", "engineer", "written", "signed by"),
        [
            (
                one["number"],
                word(f"result.{one['result']}"),
                one["engineer"],
                talk.time(one["made_ms"]),
                one["signed_by"] or "-",
            )
            for one in rows
        ],
    )


def _show_follow_ups(rows: Rows) -> None:
    _table(
        _("Follow-ups"),
        heads("id", "asked", "due", "answered", "score", "comment"),
        [
            (
                one["number"],
                one["asked"] or "-",
                talk.time(one["due_ms"]),
                talk.time(one["answered_ms"]),
                one["score"] or "-",
                one["comment"] or "-",
            )
            for one in rows
        ],
    )


def show_links(links: Rows) -> None:
    rows = (
        (
            one["id"],
            word(f"link.title.{one['purpose']}"),
            one["whom"],
            talk.time(one["expires_ms"]),
            word(f"link.act.{one['used']}") if one["used"] else "-",
            talk.time(one["revoked_ms"]),
        )
        for one in links
    )
    columns = heads("link", "purpose", "for whom", "good until", "used for", "taken back")
    talk.show_table(_("Links"), columns, rows, empty=_("No links."))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if rows:
        talk.show_table(title, columns, rows, empty="")
