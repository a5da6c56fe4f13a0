"""Thin typed methods, one file a resource of the API."""
