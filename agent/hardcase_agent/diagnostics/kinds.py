"""Which kinds there are, what each may take, and who carries it out. Used by `desk.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from hardcase_agent.diagnostics import bundle, clearing, lamps, reading, self_testing
from hardcase_agent.diagnostics.bench import Made, Work
from hardcase_agent.domain.diagnostic import DiagnosticKind, Uploader

WORK_S: Mapping[DiagnosticKind, float] = MappingProxyType(
    {
        DiagnosticKind.READ_SEL: 1800.0,
        DiagnosticKind.READ_SENSORS: 300.0,
        DiagnosticKind.INVENTORY: 600.0,
        DiagnosticKind.SELF_TEST: 8 * 24 * 3600.0,
        DiagnosticKind.IDENTIFY: 3700.0,
        DiagnosticKind.CLEAR_SEL: 7200.0,
        DiagnosticKind.BUNDLE: 3600.0,
    }
)
"""The last bound; each step of a kind has its own, much shorter one."""
IN_TURN = frozenset(
    {DiagnosticKind.READ_SEL, DiagnosticKind.READ_SENSORS, DiagnosticKind.INVENTORY, DiagnosticKind.BUNDLE}
)
"""Kinds of which one runs at a time; the others wait for something outside, and only for that."""
ALONE = frozenset({DiagnosticKind.SELF_TEST, DiagnosticKind.CLEAR_SEL})
"""Kinds of which a second is refused while one runs. Aborting a test is not testing."""


async def carry_out(kind: DiagnosticKind, work: Work, uploader: Uploader) -> Made:
    """Raises TimeoutError at the last bound, DiagnosticRefused, and what the devices raise."""
    async with asyncio.timeout(WORK_S[kind]):
        match kind:
            case DiagnosticKind.READ_SEL:
                return await reading.read_sel(work)
            case DiagnosticKind.READ_SENSORS:
                return await reading.read_sensors(work)
            case DiagnosticKind.INVENTORY:
                return await reading.inventory(work)
            case DiagnosticKind.SELF_TEST:
                return await self_testing.self_test(work)
            case DiagnosticKind.IDENTIFY:
                return await lamps.identify(work)
            case DiagnosticKind.CLEAR_SEL:
                return await clearing.clear_sel(work, uploader)
            case DiagnosticKind.BUNDLE:
                return await bundle.bundle(work)
