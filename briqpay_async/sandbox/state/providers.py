"""The payment providers that a buyer can choose from, each with a way of its own."""

from typing import Any, Final

import attrs

Json = dict[str, Any]


@attrs.frozen(kw_only=True)
class Provider:
    """One payment provider.

    Attributes:
        name: What it is called here.
        psp_id: `pspId` of its transactions.
        display_name: `pspDisplayName`, what the buyer reads.
        category: Of its payment method.
        order_status: What a payment leads to unless set otherwise.
        can_cancel: Whether an order can be cancelled; if not, CANCEL_NOT_SUPPORTED.
        manual_review: Whether a person reviews the order first: pending, with `paymentTags.manual_review`.
    """

    name: str
    psp_id: str
    display_name: str
    category: str = "invoice"
    order_status: str = "order_approved_not_captured"
    can_cancel: bool = True
    manual_review: bool = False

    @property
    def psp(self) -> Json:
        """The members that a transaction takes over."""
        return {"pspId": self.psp_id, "pspDisplayName": self.display_name}


_ALL: Final = (
    Provider(name="invoice", psp_id="14ff2352-2b48-411d-801e-cb8bbea56bf4", display_name="Sandbox invoice"),
    Provider(
        name="card",
        psp_id="5b1b4d6e-04a8-4ee0-8f6e-2f7b64f0c0a1",
        display_name="Sandbox card",
        category="card",
    ),
    Provider(
        name="bank_transfer",
        psp_id="9d7f1f0e-9d06-4f0c-bd0c-6b3f8d1c2e02",
        display_name="Sandbox bank transfer (cannot cancel)",
        category="bank",
        can_cancel=False,
    ),
    Provider(
        name="direct",
        psp_id="c2d0a7b4-3a55-4c39-9a0e-7be1f4d95e03",
        display_name="Sandbox direct (captures by itself)",
        category="direct",
        order_status="captured_full",
    ),
    Provider(
        name="slow",
        psp_id="e8a6d3f2-71cb-4b0d-8d8d-0f5c3a6b7f04",
        display_name="Sandbox slow (decides later)",
        order_status="order_pending",
    ),
    Provider(
        name="review",
        psp_id="f4c9e1d7-6b2a-4d5f-a1c3-9e8d7b6a5c05",
        display_name="Sandbox review (somebody looks first)",
        order_status="order_pending",
        manual_review=True,
    ),
    Provider(
        name="refusing",
        psp_id="0a1b2c3d-4e5f-4a6b-8c7d-8e9f0a1b2c06",
        display_name="Sandbox refusing (declines)",
        order_status="order_rejected",
    ),
)
PROVIDERS: Final = {provider.name: provider for provider in _ALL}
DEFAULT: Final = _ALL[0]
_BY_ID: Final = {provider.psp_id: provider for provider in _ALL}


def provider_of(transaction: Json) -> Provider:
    """Return the provider of a transaction."""
    return _BY_ID.get(transaction.get("pspId", ""), DEFAULT)
