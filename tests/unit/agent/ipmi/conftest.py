"""Property tests of this folder have no time limit per example: a loaded machine is no defect of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")
