"""The API's objects as frozen attrs classes, one file a noun. Import them from ``briqpay_async``."""
