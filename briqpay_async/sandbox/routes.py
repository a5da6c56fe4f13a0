"""Which endpoint a method and a path mean."""

from typing import Final

_SESSION_PREFIX: Final = "/v3/session/"
_TOKEN_PREFIX: Final = "/v3/token/"  # noqa: S105 (a path)

_WITHOUT_ID: Final = {
    ("GET", "/"): "health",
    ("POST", "/v3/session"): "create",
    ("POST", "/v3/hosted-page"): "hosted_page",
}
_OF_SESSION: Final = {
    ("GET", ""): "read",
    ("PATCH", ""): "patch",
    ("PATCH", "metadata"): "metadata",
    ("POST", "decision"): "decision",
    ("POST", "order/capture"): "capture",
    ("POST", "order/refund"): "refund",
    ("POST", "order/cancel"): "cancel",
    ("POST", "order/release-remaining"): "release_remaining",
    ("PATCH", "order/update/references"): "references",
}
_OF_TOKEN: Final = {("GET", ""): "token_read", ("DELETE", ""): "token_deactivate"}

UNKNOWN: Final = ("unknown", None)
ENDPOINTS: Final = frozenset((*_WITHOUT_ID.values(), *_OF_SESSION.values(), *_OF_TOKEN.values(), UNKNOWN[0]))


def resolve(method: str, path: str) -> tuple[str, str | None]:
    """Return the endpoint, and the session or token id in the path; `("unknown", None)` if there is none."""
    if path.startswith(_SESSION_PREFIX):
        table, rest = _OF_SESSION, path[len(_SESSION_PREFIX) :]
    elif path.startswith(_TOKEN_PREFIX):
        table, rest = _OF_TOKEN, path[len(_TOKEN_PREFIX) :]
    else:
        endpoint = _WITHOUT_ID.get((method, path))
        return (endpoint, None) if endpoint else UNKNOWN
    target, _, tail = rest.partition("/")
    endpoint = table.get((method, tail))
    return (endpoint, target) if endpoint and target else UNKNOWN
