"""Hosted pages: a checkout behind a link, for shops that show no checkout of their own."""

from __future__ import annotations

import attrs

from briqpay_async.models import formats
from briqpay_async.models.base import Model
from briqpay_async.models.limits import member

__all__ = ["HostedPage", "HostedPageConfig"]


@attrs.frozen(kw_only=True, repr=False)
class HostedPageConfig(Model):
    """How a hosted page looks.

    Attributes:
        show_cart: Whether the cart is shown.
        page_title: 3 to 256 characters.
        logo_url: At most 512 characters.
    """

    show_cart: bool | None = None
    page_title: str | None = member(min_length=3, max_length=256)
    logo_url: str | None = member(max_length=512, form=formats.web_url)


@attrs.frozen(kw_only=True, repr=False)
class HostedPage(Model):
    """A hosted page.

    Attributes:
        hosted_page_id: Identifier of the page.
        session_id: The session it shows.
        url: Where the buyer goes.
    """

    hosted_page_id: str | None = None
    session_id: str | None = None
    url: str | None = None
