"""The collector's words: frozen values and ports, no I/O and no clock. Everything else may import this."""
