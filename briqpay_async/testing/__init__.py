"""Aids for your own tests. Nothing here is imported by the client.

``strategies`` generates whole valid states for hypothesis, ``webhooks`` makes requests for your own endpoint, and
``instant`` takes the waits out of a client. The fixtures and the marker of the pytest plugin are there wherever
the package is installed: ``pytest --fixtures`` and ``pytest --markers`` say what they are.
"""
