"""`make truth`: what is decoded and judged of captured hardware, held against what is independently known of it."""
