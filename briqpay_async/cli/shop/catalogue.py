"""What the shop sells. Prices in minor units of one currency, tax included in what the buyer sees."""

from __future__ import annotations

from typing import Final

import attrs

from briqpay_async import CartItem

__all__ = ["CURRENCY", "PRODUCTS", "Article"]

CURRENCY: Final = "SEK"
_VAT: Final = 2500  # hundredths of a per cent


@attrs.frozen
class Article:
    """Something to buy.

    Attributes:
        reference: Article number.
        name: What buyers read.
        net: Price without VAT, in minor units.
    """

    reference: str
    name: str
    net: int

    @property
    def price(self) -> int:
        """Price with VAT, in minor units."""
        return self.net * (10_000 + _VAT) // 10_000

    def line(self, quantity: int) -> CartItem:
        """A line of a cart."""
        return CartItem(
            product_type="physical",
            reference=self.reference,
            name=self.name,
            quantity=quantity,
            quantity_unit="pcs",
            unit_price=self.net,
            tax_rate=_VAT,
        )


PRODUCTS: Final = {
    product.reference: product
    for product in (
        Article("kettle", "Enamel kettle", 39_920),
        Article("mug", "Stoneware mug", 12_720),
        Article("lamp", "Reading lamp", 79_200),
        Article("blanket", "Wool blanket", 63_920),
        Article("knife", "Carving knife", 23_920),
        Article("notebook", "Notebook, set of three", 9_520),
    )
}
