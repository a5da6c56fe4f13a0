"""``briqpay demo``."""

from __future__ import annotations

import asyncio
from typing import Literal

from cyclopts import App
from rich.console import Console

from briqpay_async.cli.demo.runner import run_demo
from briqpay_async.cli.demo.view import progress_bar, show
from briqpay_async.cli.exits import FAILED, InputError

__all__ = ["register"]


def register(app: App) -> None:
    """Add this command."""
    app.command(demo)


def demo(*, seed: int = 1, bulk: int = 400, merge: Literal["field", "section"] = "field") -> int:
    """Show minimal patches at work on a sandbox of its own, and prove every resulting state. No account is needed.

    Args:
        seed: Of carts, edits and faults.
        bulk: How many concurrent updates to make after the table; 0 leaves them out.
        merge: What the server does to a section that is sent, merge its members or replace it.
    """
    with progress_bar(Console(stderr=True)) as progress:
        try:
            report = asyncio.run(run_demo(seed, bulk, merge=merge, progress=progress))
        except ValueError as error:
            raise InputError(str(error)) from error
    show(report, Console())
    return 0 if report.matched else FAILED
