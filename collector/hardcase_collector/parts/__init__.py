"""Spares: depots, stock, orders, and the proof that a replaced part works. Called by web, app and the desk's ticks."""
