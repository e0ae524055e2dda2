"""To the collector: `client.py` holds the stream, `flow.py` decides what to send, `codec.py` knows the wire form."""
