"""Tokens: stored payment methods that can be charged again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from briqpay_async.resources.base import Headers, Resource, Seconds
from briqpay_async.transport.requests import Response, path_part
from briqpay_async.transport.responses import decode_model

if TYPE_CHECKING:
    from briqpay_async.models.token import Token

__all__ = ["Tokens"]


class Tokens(Resource):
    """``briqpay.tokens``. Charge one by creating a session with the intent ``payment_charge_token``."""

    async def read(self, token_id: str, *, timeout: Seconds = None, headers: Headers = None) -> Token:
        """Read a token: ``GET /v3/token/{id}``.

        Args:
            token_id: Identifier of the token.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Raises:
            ValidationError: It is no identifier.
            APIError: There is no such token.
        """
        path = f"/v3/token/{path_part(token_id, 'tokenId')}"
        return await self._send("GET", path, interpret=_token, timeout=timeout, headers=headers)

    async def deactivate(self, token_id: str, *, timeout: Seconds = None, headers: Headers = None) -> Token:
        """Make a token unusable: ``DELETE /v3/token/{id}``. Twice is as good as once.

        Args:
            token_id: Identifier of the token.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Raises:
            ValidationError: It is no identifier.
            APIError: There is no such token.
        """
        path = f"/v3/token/{path_part(token_id, 'tokenId')}"
        return await self._send("DELETE", path, interpret=_token, timeout=timeout, headers=headers)


def _token(response: Response) -> Token:
    from briqpay_async.models.token import Token  # noqa: PLC0415 - by the first token that is read

    return decode_model(response, Token)
