"""The agent's words: frozen values and ports, no I/O and no clock. Everything else in the agent may import this."""
