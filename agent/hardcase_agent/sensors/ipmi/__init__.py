"""BMCs, local and on the LAN: `family.py` builds four sources for each, `bmc.py` is what they share."""
