"""The Hardcase collector: takes what agents stream, judges it, and opens fault cases by itself.

Start at `app.py` (how the parts are joined), then `ingest/intake.py`, `rules/engine.py` and `cases/workflow.py`.
"""

__version__ = "0.1.0"
