"""An emulator of Briqpay's v3 API: a real, stateful and strict HTTP server on loopback.

For developing without an account, for tests, and for trying how a client behaves when the network
fails. `async with Sandbox() as sandbox`, or `python -m briqpay_async.sandbox` from a shell.
"""

from briqpay_async.sandbox.command import serve
from briqpay_async.sandbox.faults.faults import Fault, Faults
from briqpay_async.sandbox.server import Sandbox
from briqpay_async.sandbox.state.checkout import Checkout
from briqpay_async.sandbox.state.effects import Effect
from briqpay_async.sandbox.state.providers import PROVIDERS, Provider
from briqpay_async.sandbox.state.request_log import JournalRecord
from briqpay_async.sandbox.switches import Switches
from briqpay_async.sandbox.thread import ThreadedSandbox
from briqpay_async.sandbox.webhooks.deliveries import Delivery, DeliveryAttempt

__all__ = [
    "PROVIDERS",
    "Checkout",
    "Delivery",
    "DeliveryAttempt",
    "Effect",
    "Fault",
    "Faults",
    "JournalRecord",
    "Provider",
    "Sandbox",
    "Switches",
    "ThreadedSandbox",
    "serve",
]
