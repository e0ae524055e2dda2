"""The fake keeps the contract, so tests that use it can be believed."""

from __future__ import annotations

import pytest

from tests.contracts.telemetry_store import TelemetryStoreContract
from tests.fakes.telemetry import FakeTelemetryStore


class TestFake(TelemetryStoreContract):
    @pytest.fixture
    def store(self) -> FakeTelemetryStore:
        return FakeTelemetryStore()
