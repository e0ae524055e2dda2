"""BMCs, local and on the LAN: `family.py` builds five sources for each, `bmc.py` is what they share."""
