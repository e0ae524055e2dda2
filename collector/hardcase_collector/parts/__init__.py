"""Spare parts: depots, stock, orders, records, spare risk. Pure: acts through the store's ports, reads no clock."""
