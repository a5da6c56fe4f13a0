"""An emulator of Briqpay's v3 API: a real, stateful and strict HTTP server on loopback.

For developing without an account, for tests, and for trying how a client behaves when the network
fails. `async with Sandbox() as sandbox`, or `python -m briqpay_async.sandbox` from a shell.
"""

from briqpay_async.sandbox.effects import Effect
from briqpay_async.sandbox.faults import Fault, Faults
from briqpay_async.sandbox.journal import JournalRecord
from briqpay_async.sandbox.sandbox import Sandbox
from briqpay_async.sandbox.serving import serve
from briqpay_async.sandbox.switches import Switches

__all__ = ["Effect", "Fault", "Faults", "JournalRecord", "Sandbox", "Switches", "serve"]
