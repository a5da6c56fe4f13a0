"""``briqpay page``: checkouts behind a link."""

from __future__ import annotations

from cyclopts import App

from briqpay_async.cli.connect import call_api
from briqpay_async.cli.output import write_json
from briqpay_async.conversion.decode import unstructure
from briqpay_async.models.hosted_page import HostedPageConfig

__all__ = ["register"]

_page = App(name="page", help="Make hosted pages: a checkout behind a link.")


def register(app: App) -> None:
    """Add this group of commands."""
    app.command(_page)


@_page.command
def create(
    session_id: str, /, *, title: str | None = None, logo: str | None = None, show_cart: bool | None = None
) -> None:
    """Make a hosted page for a session and print it with its link.

    Args:
        session_id: The session's id, a UUID; it must have been created without the decision step.
        title: The title of the page, 3 to 256 characters.
        logo: Where the shop's logo is: a PNG, JPEG or SVG.
        show_cart: Whether the page shows the cart.
    """
    given = HostedPageConfig(page_title=title, logo_url=logo, show_cart=show_cart)
    config = None if given == HostedPageConfig() else given
    write_json(unstructure(call_api(lambda briqpay: briqpay.hosted_pages.create(session_id, config))))
