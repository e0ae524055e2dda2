"""Fire drills: `timeline.py` reads what shall happen, `source.py` plays it as if a device had said it."""
