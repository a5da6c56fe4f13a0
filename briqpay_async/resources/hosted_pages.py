"""Hosted pages: a checkout behind a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from briqpay_async.conversion.encode import render
from briqpay_async.conversion.validate import Problems, check_model, check_session_id
from briqpay_async.errors import ValidationError
from briqpay_async.resources.base import Headers, Resource, Seconds
from briqpay_async.transport.requests import Repeat
from briqpay_async.transport.responses import decode_model

if TYPE_CHECKING:
    from briqpay_async.models.hosted_page import HostedPage, HostedPageConfig

__all__ = ["HostedPages"]


class HostedPages(Resource):
    """``briqpay.hosted_pages``."""

    async def create(
        self,
        session_id: str,
        config: HostedPageConfig | None = None,
        *,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> HostedPage:
        """Make a hosted page for a session: ``POST /v3/hosted-page``.

        Args:
            session_id: UUID of a session that was created without the decision step.
            config: How the page looks.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Raises:
            ValidationError: The identifier is not a UUID, or the configuration is one the API would refuse.
            OutcomeUnknownError: The request was sent, and no answer came, or an error status (408, 425, 5xx) that
                does not say how far it got.
        """
        from briqpay_async.models.hosted_page import HostedPage, HostedPageConfig  # noqa: PLC0415 - by the first page

        body: dict[str, Any] = {"sessionId": check_session_id(session_id)}
        if config is not None:
            problems: Problems = []
            if isinstance(config, HostedPageConfig):
                check_model(config, "/config", problems)
                body["config"] = render(config)
            else:
                problems.append(("/config", "must be of class HostedPageConfig"))
            if problems:
                raise ValidationError(problems=tuple(problems))
        return await self._send(
            "POST",
            "/v3/hosted-page",
            orjson.dumps(body),
            interpret=lambda response: decode_model(response, HostedPage),
            repeat=Repeat.UNSAFE,
            timeout=timeout,
            headers=headers,
        )
