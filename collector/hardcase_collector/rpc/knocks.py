"""How often one certificate may open a stream: a bucket of greetings, refilled steadily. Pure; used by `service.py`.

A greeting costs the writer a look at both stores. An agent that reconnects, however badly its network does, stays
below; one that opens streams by the thousand is turned away before anything is read of it.
"""

from __future__ import annotations

from collections import OrderedDict

GREETINGS = 60
"""At once."""
REFILL_MS = 1000
"""One more in this time."""
REMEMBERED = 16_384


class Knocks:
    """On the event loop."""

    def __init__(self) -> None:
        self._left: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def let_in(self, certificate: bytes, *, now_ms: int) -> bool:
        """Counts one. `now_ms`: monotonic."""
        left, since_ms = self._left.pop(certificate, (float(GREETINGS), now_ms))
        left = min(float(GREETINGS), left + (now_ms - since_ms) / REFILL_MS)
        let = left >= 1.0
        self._left[certificate] = (left - 1.0 if let else left, now_ms)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return let
