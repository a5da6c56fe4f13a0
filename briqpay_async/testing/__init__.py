"""Aids for your own tests. Nothing here is imported by the client."""
