"""The two stores of the collector, strangers to each other: state and telemetry. Opened by composition.py."""
