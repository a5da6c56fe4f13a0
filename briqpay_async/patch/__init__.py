"""The patch engine: the smallest body that turns one state of a session into another."""
