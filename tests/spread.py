"""How tests are spread over the workers of pytest-xdist (`--dist loadgroup`). Used by `conftest.py` alone.

The tests of a file stay on one worker, and so do those of one `xdist_group`: what a module sets up is set up once. What
takes longest begins first, above all the guest, most of which is waiting: it would be what a run waits for at its end.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadGroupScheduling

FIRST = ("tests/vm/", "tests/integration/test_helper_guest.py", "tests/acceptance/", "tests/integration/")


class Spread(LoadGroupScheduling):
    def _split_scope(self, nodeid: str) -> str:
        group: str = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if group == nodeid else group


def arrange(items: list[pytest.Item]) -> None:
    """In order; with each test's group where the scheduler looks for it.

    pytest-xdist 3.8 writes it to an attribute that pytest does not read any more since 9.2, so that `--dist loadgroup`
    would silently be without effect.
    """
    items.sort(key=lambda item: _turn(item.nodeid))
    for item in items:
        group = "_".join(sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")}))
        if group and not item.nodeid.endswith(f"@{group}"):
            item._id = item.id.parse(f"{item.nodeid}@{group}")  # type: ignore[attr-defined]  # see above


def _turn(nodeid: str) -> int:
    return next((turn for turn, begin in enumerate(FIRST) if nodeid.startswith(begin)), len(FIRST))
