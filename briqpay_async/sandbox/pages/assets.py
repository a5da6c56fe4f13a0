"""The files of the pages, and the headers that they are sent with."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from aiohttp import web

WEB: Final = files("briqpay_async.sandbox.pages") / "web"
TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
# All that a page loads comes from this server, and nothing is inline: text of a session can never run as a script.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors "
)
# An IPv6 address is no source that browsers know here.
_LOOPBACK: Final = "http://127.0.0.1:* http://localhost:* https://127.0.0.1:* https://localhost:*"


def page_headers(*, framed: bool) -> Mapping[str, str]:
    """Return the headers of a page.

    Args:
        framed: Whether pages of other loopback origins may show it in a frame, as a shop shows the checkout.
    """
    return {
        "Content-Security-Policy": _POLICY + (f"'self' {_LOOPBACK}" if framed else "'none'"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Cache-Control": "no-store",
    }


class Assets:
    """Reads each file once, when it is first asked for."""

    def __init__(self) -> None:
        self._read: dict[str, bytes] = {}

    def file(self, name: str) -> web.Response | None:
        """Return a file of the folder ``web``, or None when there is no such file."""
        if (found := self._bytes(name)) is None:
            return None
        headers = {
            "Content-Type": TYPES[name.rpartition(".")[2]],
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            # The script for merchants' pages is loaded from other origins; it holds nothing secret.
            "Cross-Origin-Resource-Policy": "cross-origin" if name == "briq.min.js" else "same-origin",
        }
        return web.Response(body=found, headers=headers)

    def page(self, name: str, *, framed: bool = False) -> web.Response:
        """Return a page with its policy."""
        body = self._bytes(name)
        return web.Response(body=body, headers={"Content-Type": TYPES["html"], **page_headers(framed=framed)})

    def _bytes(self, name: str) -> bytes | None:
        if name not in self._read:
            stem, _, ending = name.rpartition(".")
            if ending not in TYPES or not stem.replace("_", "").replace(".", "").isalnum():
                return None
            path = WEB / name
            if not path.is_file():
                return None
            self._read[name] = path.read_bytes()
        return self._read[name]
