"""What other sheets would have opened: judges stored telemetry and events again, on a desk of its own."""
