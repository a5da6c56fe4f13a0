"""Where each rule of the emulated API is known from, in words that a reader can follow up."""

from typing import Final

CREATE: Final = "Briqpay docs, Create session"
READ: Final = "Briqpay docs, Read session"
UPDATE: Final = "Briqpay docs, Update session"
METADATA: Final = "Briqpay docs, Update metadata"
CAPTURE: Final = "Briqpay docs, Capture an order"
CANCEL: Final = "Briqpay docs, Cancel an order"
RELEASE: Final = "Briqpay docs, Release remaining order amount"
ORDERS: Final = "Briqpay docs, Order management"
TOKEN: Final = "Briqpay docs, Get token"  # noqa: S105 (a title)
DEACTIVATE: Final = "Briqpay docs, Deactivate token"
CHARGE: Final = "Briqpay docs, Charge a token"
DECISION: Final = "seen in Briqpay's commercetools connector 2.0.1 and PrestaShop plugin 2.0.1"
REFUND: Final = "seen in all of Briqpay's plugins, such as Magento 1.2.0"
REFERENCES: Final = "seen in Briqpay's PrestaShop plugin 2.0.1 and Shopware plugin 1.0.0"
HOSTED_PAGE: Final = "seen in Briqpay's WooCommerce plugin 1.1.19 and PrestaShop plugin 2.0.1"
PLUGINS: Final = "seen in Briqpay's plugins"
CONNECTOR: Final = "seen in Briqpay's commercetools connector 2.0.1"
MESSAGES: Final = "live messages quoted by Briqpay's plugins"
HEALTH: Final = "seen in Briqpay's commercetools connector 1.0.29"
SANDBOX: Final = "a choice of this sandbox: not documented by Briqpay"
