"""Prints service reports as HTML and PDF. Implements the port of `service/paper.py`; joined by `composition.py`."""

from hardcase_collector.press.printing import ReportPress

__all__ = ["ReportPress"]
