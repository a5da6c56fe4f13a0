"""``briqpay sandbox``: run the emulator of the API."""

from __future__ import annotations

import asyncio
from typing import Literal

from cyclopts import App

from briqpay_async.cli.exits import FAILED, InputError, one_line
from briqpay_async.cli.output import say
from briqpay_async.sandbox import serve
from briqpay_async.sandbox.server import SECRET, USERNAME, WEBHOOK_SECRET

__all__ = ["register"]


def register(app: App) -> None:
    """Add this command."""
    app.command(sandbox)


def sandbox(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    merge: Literal["field", "section"] = "field",
    username: str = USERNAME,
    secret: str = SECRET,
    webhook_secret: str = WEBHOOK_SECRET,
    seed: int = 0,
) -> int:
    """Run an emulator of Briqpay's v3 API until Ctrl-C, and print how to reach it.

    Args:
        port: Where to listen; 0 takes a free port.
        host: A loopback address to listen on.
        merge: What a PATCH does to a stored section, merge its members or replace it.
        username: The merchant that is let in.
        secret: The merchant's secret.
        webhook_secret: What webhooks are signed with.
        seed: Of ids and faults; the same seed gives the same run.
    """
    try:
        asyncio.run(
            serve(
                port=port,
                host=host,
                merge=merge,
                username=username,
                secret=secret,
                webhook_secret=webhook_secret,
                seed=seed,
            )
        )
    except (ValueError, OverflowError) as error:
        raise InputError(str(error)) from error
    except OSError as error:
        say(f"briqpay: cannot listen on {host}:{port}: {one_line(error.strerror or str(error))}")
        return FAILED
    return 0
