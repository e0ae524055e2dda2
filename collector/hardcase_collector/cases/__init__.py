"""The case desk: from findings to cases, and what people do with them. Joined to stores and channels by app.py."""
