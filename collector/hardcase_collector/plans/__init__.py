"""Service plans: what they promise, whose working time counts, and the clocks of a case. Pure: `now` is an argument."""
