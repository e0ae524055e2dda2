"""How long to wait before the next try. Pure: the random number is an argument."""

from __future__ import annotations

FIRST_S = 1.0
LONGEST_S = 60.0
"""An agent notices a returned collector within a minute; a fleet does not arrive at once, thanks to the jitter."""


class Backoff:
    """Doubles from 1 to 60 s. A stream that proved useful resets it."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def delay_s(self, chance: float) -> float:
        """`chance` in 0..1 spreads the wait over the upper half of its length, so never under half a second."""
        base = self._next_s
        self._next_s = min(LONGEST_S, base * 2)
        return base * (0.5 + 0.5 * chance)

    def longest(self) -> None:
        """The next wait is the longest: trying soon cannot help."""
        self._next_s = LONGEST_S

    def reset(self) -> None:
        self._next_s = FIRST_S
