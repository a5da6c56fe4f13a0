"""The version, in the one place that the package metadata and the User-Agent read it from."""

__version__ = "0.2.0"
