"""Who may use the control endpoints and the pages: not a foreign page in a developer's browser.

A web page anywhere can make a browser send requests to loopback, and with DNS rebinding it can read
the answers too. Such a request is known by its `Host`, which names the foreign page's own domain, or
by its `Origin` and `Sec-Fetch-Site`. Programs send neither and are let in. Pure.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import attrs

from briqpay_async.sandbox.answers import Refusal
from briqpay_async.sandbox.loopback import is_loopback

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE: Final = frozenset({"same-origin", "none"})


def _name_of(netloc: str) -> str:
    """Return the host of a `Host` header without its port, in lower case."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _netloc_of(origin: str) -> str:
    """Return host and port of an `Origin` header; empty for `null` and for what is no address."""
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@attrs.frozen
class Guard:
    """Refuses requests that a foreign web page has made.

    Attributes:
        host: The host that the sandbox listens on: it is a name of its own.
        allow_remote: Whether other machines may come in. Then any address is a name of its own, and any
            name without a dot, as the services of a compose file have: no foreign page has such a name.
    """

    host: str = "127.0.0.1"
    allow_remote: bool = False

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """Let a request to a control endpoint or a page pass.

        Raises:
            Refusal: 403 FORBIDDEN_HOST, the name is not the sandbox's; 403 CROSS_SITE, the page of
                another site wants to change something.
        """
        host = headers.get("Host")
        if host is not None and not self._is_own(_name_of(host)):
            message = f"Host {host} is not a name of this sandbox; use its address"
            raise Refusal(403, "FORBIDDEN_HOST", message)
        if method in _READING:
            return
        origin = headers.get("Origin")
        if origin is not None and _netloc_of(origin) != (host or "").lower():
            raise Refusal(403, "CROSS_SITE", f"A page of {origin} cannot change this sandbox")
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site.lower() not in _OWN_SITE:
            raise Refusal(403, "CROSS_SITE", f"A {site} page cannot change this sandbox")

    def _is_own(self, name: str) -> bool:
        if is_loopback(name) or name == self.host.lower():
            return True
        return self.allow_remote and bool(name) and (_is_address(name) or "." not in name)
