"""Models to JSON and back, and what may be sent."""
