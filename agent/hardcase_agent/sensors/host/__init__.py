"""This machine through sysfs and psutil: `family.py` builds a source for each kind, `source.py` reads it."""
