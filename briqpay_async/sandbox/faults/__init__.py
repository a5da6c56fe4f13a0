"""Failures on purpose: statuses, delays and broken connections."""
