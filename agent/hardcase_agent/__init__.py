"""The Hardcase agent: reads a server's hardware and streams what it reads to the collector.

Start at `app.py` (how the parts are joined) and `sensors/catalogue.py` (what can be read).
"""

__version__ = "0.1.0"
