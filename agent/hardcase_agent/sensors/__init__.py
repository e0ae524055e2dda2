"""Sensor families, one folder each, and the doors through which they reach devices. `catalogue.py` lists them."""
