"""A headless Chromium for tests of the pages: Debian's own, driven by playwright, with a fresh profile each time.

A click returns before the page it leads to is there. What a page shows after one is therefore said with playwright's
`expect`, which waits for it, and never read at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect, sync_playwright

PROGRAM = "/usr/bin/chromium"
_PATIENCE_MS = 60_000
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but loopback is ever asked, whatever a page says.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@contextmanager
def chromium(
    profile: Path, *, language: str = "en-US", width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[BrowserContext]:
    """One browser with one window's context; the collector's own CA is not known to it, so certificates are not asked.

    Skips where the package is missing.
    """
    if shutil.which(PROGRAM) is None:
        pytest.skip("needs the package chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=PROGRAM,
            args=_ARGUMENTS,
            headless=True,
            timeout=2 * _PATIENCE_MS,
            ignore_https_errors=True,
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=False,
        )
        try:
            context.set_default_timeout(_PATIENCE_MS)
            expect.set_options(timeout=_PATIENCE_MS)
            yield context
        finally:
            context.close()
