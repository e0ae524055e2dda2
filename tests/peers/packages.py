"""The packages themselves, as `make deb` and `make rpm` make them: made anew only where the sources have changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.packages import making
from deploy.packages.product import AGENT, COLLECTOR, ROOT
from deploy.packages.staging import CannotBuild

__all__ = ["AGENT", "COLLECTOR", "package"]

OUT = ROOT / "dist"


def package(name: str, form: str = "deb", *, revision: int = 1, out: Path = OUT) -> Path:
    """Path of hardcase-agent's or hardcase-collector's package; skips where this machine cannot make it."""
    (product,) = (one for one in (AGENT, COLLECTOR) if one.name == name)
    try:
        return making.make(product, form, out, revision=revision)
    except CannotBuild as error:
        pytest.skip(str(error))
