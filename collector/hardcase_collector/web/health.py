"""/livez, /readyz and /metrics, and the metrics' names. Part of the pages' port; no login, nothing of a customer in it.

Numbers come from `Health.gauges`, which `app.py` fills from intake, stores and outbox.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hardcase_collector.domain.diagnostic import RequestState
from hardcase_collector.web.ports import Health

_REQUESTS = {
    f"diagnostics_{state}": f"Requests for diagnostics that are kept: {str(state).replace('_', ' ')}"
    for state in RequestState
}
GAUGES = {
    "spool_age_seconds": "Age of the newest stored reading of the connected agent that is furthest behind",
    "commit_seconds": "How long the last commit of both stores took",
    "outbox_age_seconds": "Age of the oldest notification still owed",
    "outbox_owed": "Notifications still owed",
    "outbox_dead": "Dead letters: notifications given up, waiting for a person",
    "silent_agents": "Agents not heard for longer than three heartbeats and not stopped cleanly",
    "streams": "Open agent streams",
    "clock_offset_seconds": "Largest clock offset of a connected agent",
    "certificate_days": "Days until the server certificate ends",
    "ca_certificate_days": "Days until the CA ends",
    "open_cases": "Open cases, rehearsals not counted",
    "unreadable_terms": "Cases whose clocks stand still because their frozen terms cannot be read",
    "disk_free_bytes": "Free space of the data directory",
    **_REQUESTS,
}
COUNTERS = {
    "acknowledged": "Records acknowledged since start",
    "duplicates": "Records acknowledged again since start",
    "rejected": "Records rejected and quarantined since start",
    "lost": "Records that agents or jumps in sequence reported lost, since start",
    "frames": "Frames stored since start",
    "samples": "Samples stored since start",
    "delivered": "Notifications delivered since start",
    "diagnostic_uploads": "Files of answers received since start",
    "diagnostic_upload_bytes": "Bytes of files of answers received since start",
    "diagnostic_uploads_refused": "Uploads refused or broken off since start",
    "diagnostic_reports_ignored": "Reports of agents on requests that are not theirs, since start",
    "diagnostic_reports_dropped": "Reports of agents that found too many waiting for the store, since start",
}


class _Bridge:
    """Turns one snapshot of numbers into metric families at every scrape."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        numbers = self._health.gauges()
        for name, text in GAUGES.items():
            if name in numbers:
                yield GaugeMetricFamily(f"hardcase_{name}", text, value=numbers[name])
        for name, text in COUNTERS.items():
            if name in numbers:
                yield CounterMetricFamily(f"hardcase_{name}_total", text, value=numbers[name])
        yield GaugeMetricFamily(
            "hardcase_ready", "1 where /readyz says ready", value=0.0 if self._health.reasons() else 1.0
        )


def add_health(app: FastAPI, health: Health) -> None:
    """Puts the three endpoints on an application."""
    registry = CollectorRegistry()
    registry.register(_Bridge(health))

    @app.get("/livez")
    async def livez() -> Response:
        return PlainTextResponse("ok\n") if health.alive() else PlainTextResponse("the loop stands\n", 503)

    @app.get("/readyz")
    def readyz(request: Request) -> Response:
        reasons = list(health.reasons())
        status = 503 if reasons else 200
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"ready": not reasons, "reasons": reasons}, status)
        return PlainTextResponse("\n".join(reasons or ["ready"]) + "\n", status)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
