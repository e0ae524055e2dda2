"""Who is told what, in which words and when again. Channels themselves are in `channels/`; joined by app.py."""
