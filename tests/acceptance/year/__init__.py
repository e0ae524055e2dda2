"""A year of a whole service desk on a simulated clock: its fleet, plot and people, and what must hold at the end."""
