"""The shop's answer to the question whether a purchase may go on."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from briqpay_async.models.base import Model, as_tuple
from briqpay_async.models.enums import DecisionKind, RejectionType
from briqpay_async.models.limits import member

__all__ = ["Decision", "DecisionMessage"]


@attrs.frozen(kw_only=True, repr=False)
class DecisionMessage(Model):
    """A text shown to the buyer.

    Attributes:
        message: The text. Required.
    """

    message: str | None = member(required=True)


def _as_messages(value: Iterable[DecisionMessage] | None) -> tuple[DecisionMessage, ...] | None:
    """``as_tuple``, typed for messages."""
    return as_tuple(value)


@attrs.frozen(kw_only=True, repr=False)
class Decision(Model):
    """Allow or reject a purchase. Made by ``Decision.allow()`` and ``Decision.reject(...)``.

    Attributes:
        decision: ``allow`` or ``reject``. Required.
        rejection_type: Required when rejecting.
        hard_error: Message of a rejection.
        soft_errors: Messages that the buyer can act on.
    """

    decision: DecisionKind | str | None = member(required=True)
    rejection_type: RejectionType | str | None = None
    hard_error: DecisionMessage | None = None
    soft_errors: tuple[DecisionMessage, ...] | None = attrs.field(default=None, converter=_as_messages)

    @classmethod
    def allow(cls) -> Decision:
        """Let the purchase go on."""
        return cls(decision=DecisionKind.ALLOW)

    @classmethod
    def reject(
        cls,
        rejection_type: RejectionType | str = RejectionType.NOTIFY_USER,
        *,
        hard_error: str | None = None,
        soft_errors: Iterable[str] = (),
    ) -> Decision:
        """Stop the purchase.

        Args:
            rejection_type: ``notify_user`` lets the buyer fix it and retry; ``reject_session_with_error`` ends
                the session.
            hard_error: Message of the rejection.
            soft_errors: Messages that the buyer can act on.
        """
        soft = tuple(DecisionMessage(message=text) for text in soft_errors)
        return cls(
            decision=DecisionKind.REJECT,
            rejection_type=rejection_type,
            hard_error=None if hard_error is None else DecisionMessage(message=hard_error),
            soft_errors=soft or None,
        )

    def broken_rules(self) -> Iterable[tuple[str, str]]:
        """Elsewhere a rejection's type never reaches the session (seen in Briqpay's PrestaShop plugin)."""
        if self.decision == DecisionKind.REJECT and self.rejection_type is None:
            yield "rejectionType", "is required when rejecting"
