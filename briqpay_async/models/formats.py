"""The forms of text that the API documents: each returns what the text should be, ``None`` when it fits."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

__all__ = ["country", "currency", "iso_date", "locale", "web_url"]

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOCALE = re.compile(r"[a-z]{2}-[A-Za-z]{2}")


def country(text: str) -> str | None:
    """ISO 3166-1 alpha-2 (Briqpay docs)."""
    return None if _COUNTRY.fullmatch(text) else "must be an ISO 3166-1 alpha-2 code such as SE"


def currency(text: str) -> str | None:
    """ISO 4217 (Briqpay docs)."""
    return None if _CURRENCY.fullmatch(text) else "must be an ISO 4217 code such as SEK"


def iso_date(text: str) -> str | None:
    """``YYYY-MM-DD``, a day that exists (Briqpay docs)."""
    try:
        if _DATE.fullmatch(text):
            date.fromisoformat(text)
            return None
    except ValueError:
        return "must be a date that exists"
    return "must be a date written YYYY-MM-DD"


def locale(text: str) -> str | None:
    """Two parts, such as ``sv-se`` (Briqpay docs); the case of the region is free."""
    return None if _LOCALE.fullmatch(text) else "must be a two-part locale such as sv-se"


def web_url(text: str) -> str | None:
    """An absolute http(s) URL. ``{briqpay_session}`` is allowed in it."""
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "must be an absolute http(s) URL"
    spaced = any(character.isspace() or not character.isprintable() for character in text)
    return None if parts.scheme in {"http", "https"} and host and not spaced else "must be an absolute http(s) URL"
