"""What the API opens: each route of the control socket that is offered, its scope, and the deed a role must be allowed.

A route that is not here is not there. The deed is asked for before the route is called, since on the socket everybody
may do everything; what else the services behind it ask for is asked as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.people import ApiScope as S


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    method: str
    path: str
    """As the control socket has it."""
    scope: S
    deed: Deed
    keeps_answer: bool = True
    """False: what it answers holds links that are shown once, or a file: it is not kept for a repeated request."""
    held: bool = True
    """False: not for a token that is held to one customer."""


_READS: Mapping[tuple[S, Deed], str] = {
    (S.CASES_READ, Deed.SEE): "/cases /cases/{number} /reports/categories",
    (S.CASES_READ, Deed.SEE_INTERNAL): "/cases/{number}/clocks /cases/{number}/reports /queue /reports/around/{name}",
    (S.CASES_READ, Deed.SEE_WHY): "/why",
    (S.CASES_READ, Deed.ATTACH): "/cases/{number}/attachments /attachments/{id}/content",
    (S.CASES_READ, Deed.EXPORT): "/precision",
    (S.REPAIRS_READ, Deed.SEE_INTERNAL): "/repairs/{number} /repairs/{number}/vendor-text /visits /satisfaction",
    (S.ASSETS_READ, Deed.SEE): "/assets",
    (S.ASSETS_READ, Deed.SEE_WHY): "/assets/{name} /assets/{name}/record /findings",
    (S.WINDOWS_READ, Deed.SEE): "/windows",
    (S.DUTY_READ, Deed.SEE_INTERNAL): "/rota /calendars",
    (S.PARTS_READ, Deed.SEE_INTERNAL): "/depots /parts /stock /part-orders /part-orders/{order} /spare-risk",
    (S.BOOKS_READ, Deed.SEE_CUSTOMER): "/customers /customers/{name} /sites /contacts /cover",
    (S.BOOKS_READ, Deed.EXPORT): "/books /entitlements /entitlements/ending",
    (S.DIAGNOSTICS_READ, Deed.SEE_DIAGNOSTICS): "/diagnostics /diagnostics/{id} /assets/{name}/diagnostics",
    (S.DIAGNOSTICS_READ, Deed.DOWNLOAD_DIAGNOSTIC): "/diagnostics/{id}/files/{file}",
    (S.AUDIT_READ, Deed.SEE_AUDIT): "/audit",
}
_WRITES: Mapping[tuple[S, Deed], str] = {
    (S.CASES_WRITE, Deed.NOTE): "/cases/{number}/{action} /cases/{number}/handle/{verb}",
    (S.CASES_WRITE, Deed.REPORT): "/reports",
    (S.CASES_WRITE, Deed.JOIN): "/reports/join/{number}",
    (S.CASES_WRITE, Deed.IDENTIFY): "/reports/identify/{number}",
    (S.CASES_WRITE, Deed.ATTACH): "/attachments/{number}",
    (S.CASES_WRITE, Deed.DETACH): "/attachments/{id}/remove",
    (S.REPAIRS_WRITE, Deed.CONSENT): "/repairs/{number}/consent",
    (S.REPAIRS_WRITE, Deed.REFUSE): "/repairs/{number}/refuse",
    (S.REPAIRS_WRITE, Deed.ACCEPT_QUOTE): "/repairs/{number}/quotes/{decision}",
    (S.REPAIRS_WRITE, Deed.APPLY_ACCESS): "/repairs/{number}/access",
    (S.REPAIRS_WRITE, Deed.APPROVE_ACCESS): "/repairs/{number}/access/{decision}",
    (S.REPAIRS_WRITE, Deed.HAND_TO_VENDOR): "/repairs/{number}/vendor/{deed}",
    (S.REPAIRS_WRITE, Deed.ARRIVE): "/repairs/{number}/visits/{visit}/{step}",
    (S.REPAIRS_WRITE, Deed.WRITE_SERVICE_REPORT): "/repairs/{number}/service-reports",
    (S.ASSETS_WRITE, Deed.CHANGE_MODE): "/assets/{name}/mode",
    (S.ASSETS_WRITE, Deed.SETTLE_JOINING): "/assets/{name}/joining",
    (S.ASSETS_WRITE, Deed.ACCEPT_BASELINE): "/assets/{name}/baseline",
    (S.WINDOWS_WRITE, Deed.OPEN_WINDOW): "/windows /windows/plan /windows/{id}/extend /windows/{id}/end",
    (S.DUTY_WRITE, Deed.EDIT_ROTA): "/rota/swap /rota/unswap",
    (S.PARTS_WRITE, Deed.RESERVE_PART): "/part-orders /part-orders/{order}/correct /part-orders/{order}/{step}",
    (S.PARTS_WRITE, Deed.STOCK): "/stock/receive /stock/withdraw /stock/marks",
    (S.BOOKS_WRITE, Deed.EDIT_BOOKS): "/books /books/{kind} /entitlements/{number}/end",
    (S.DIAGNOSTICS_ASK, Deed.ASK_READING): "/diagnostics",
    (S.DIAGNOSTICS_ASK, Deed.WITHDRAW_DIAGNOSTIC): "/diagnostics/{id}/withdraw",
}
_LINKS: Mapping[tuple[S, Deed], str] = {
    (S.REPAIRS_WRITE, Deed.PROPOSE): "/repairs/{number}/proposals /repairs/{number}/ask",
    (S.REPAIRS_WRITE, Deed.QUOTE): "/repairs/{number}/quotes",
    (S.REPAIRS_WRITE, Deed.DISPATCH): "/repairs/{number}/dispatch",
}
"""What these answer holds the addresses of links."""


def _permits() -> Iterator[Permit]:
    for (scope, deed), paths in _READS.items():
        yield from (Permit(method="GET", path=f"/v1{path}", scope=scope, deed=deed) for path in paths.split())
    for (scope, deed), paths in _WRITES.items():
        yield from (Permit(method="POST", path=f"/v1{path}", scope=scope, deed=deed) for path in paths.split())
    for (scope, deed), paths in _LINKS.items():
        for path in paths.split():
            yield Permit(method="POST", path=f"/v1{path}", scope=scope, deed=deed, keeps_answer=False)
    yield Permit(method="GET", path="/v1/status", scope=S.METRICS_READ, deed=Deed.SEE_INTERNAL, held=False)


PERMITS: Mapping[tuple[str, str], Permit] = {(one.method, one.path): one for one in _permits()}
DOCUMENT = "/v1/openapi.json"
"""Open to every token."""
