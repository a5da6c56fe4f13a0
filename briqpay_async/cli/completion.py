"""``briqpay completion``: let a shell complete the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal

from cyclopts import App

from briqpay_async.cli.connect import Flag
from briqpay_async.cli.output import say

__all__ = ["register"]


def register(app: App) -> None:
    """Add this command."""
    app.command(_command_for(app), name="completion")


def _command_for(app: App) -> Callable[..., None]:
    def completion(shell: Literal["bash", "zsh", "fish"], /, *, install: Flag = False) -> None:
        """Print the script with which a shell completes these commands, or install it.

        Args:
            shell: Which shell.
            install: Write the script where the shell looks for it, and have the shell load it when it starts.
        """
        if install:
            path = app.install_completion(shell=shell)
            say(f"installed {path}; it works in each {shell} that is started from now on")
        else:
            sys.stdout.write(app.generate_completion(shell=shell))

    return completion
