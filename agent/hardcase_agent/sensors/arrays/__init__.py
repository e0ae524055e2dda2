"""RAID controllers and software arrays through their own read-only tools."""
