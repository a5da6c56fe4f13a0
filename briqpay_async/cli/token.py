"""``briqpay token``: stored payment methods."""

from __future__ import annotations

from cyclopts import App

from briqpay_async.cli.connect import call_api
from briqpay_async.cli.output import write_json
from briqpay_async.conversion.decode import unstructure

__all__ = ["register"]

_token = App(name="token", help="Read and deactivate tokens: payment methods that can be charged again.")


def register(app: App) -> None:
    """Add this group of commands."""
    app.command(_token)


@_token.command
def read(token_id: str, /) -> None:
    """Read a token and print it.

    Args:
        token_id: The token's id.
    """
    write_json(unstructure(call_api(lambda briqpay: briqpay.tokens.read(token_id))))


@_token.command
def deactivate(token_id: str, /) -> None:
    """Make a token unusable, for good, and print it.

    Args:
        token_id: The token's id.
    """
    write_json(unstructure(call_api(lambda briqpay: briqpay.tokens.deactivate(token_id))))
