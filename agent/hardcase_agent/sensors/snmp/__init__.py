"""UPSs, PDUs and other devices by SNMP: `profile.py` says what a MIB holds, `source.py` reads one device."""
