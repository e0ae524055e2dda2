"""Golden arrays: what md of a real kernel said, made by record.py in the guest."""
