"""``briqpay sandbox``: run the emulator of the API, and change the state of a running one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from briqpay_async.cli import sandbox_control
from briqpay_async.cli.connect import Flag
from briqpay_async.cli.exits import FAILED, InputError, one_line
from briqpay_async.cli.output import say, write_json
from briqpay_async.sandbox import serve
from briqpay_async.sandbox.openapi.document import openapi_document
from briqpay_async.sandbox.server import SECRET, USERNAME, WEBHOOK_SECRET
from briqpay_async.sandbox.switches import Switches, parse_switches, switch_help

__all__ = ["register"]


_sandbox = App(
    name="sandbox",
    help="Run an emulator of Briqpay's v3 API, or tell a running one what happens.",
    help_epilogue="\n- ".join(["Switches, with their defaults:\n", *switch_help().splitlines()]),
)


def register(app: App) -> None:
    """Add this group of commands."""
    app.command(_sandbox)


for _command in sandbox_control.COMMANDS:
    _sandbox.command(_command)


@_sandbox.default
def sandbox(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    allow_remote: Flag = False,
    state: Path | None = None,
    openapi: Flag = False,
    merge: Literal["field", "section"] | None = None,
    switch: Annotated[list[str] | None, Parameter(negative=())] = None,
    username: str = USERNAME,
    secret: str = SECRET,
    webhook_secret: str = WEBHOOK_SECRET,
    seed: int = 0,
) -> int:
    """Run an emulator of Briqpay's v3 API until Ctrl-C, and print how to reach it.

    Args:
        port: Where to listen; 0 takes a free port.
        host: Where to listen: a loopback address, or with --allow-remote any other, such as 0.0.0.0.
        allow_remote: Let other machines and containers reach it, and send webhooks to any address. Anyone who can
            reach it can read and change everything in it.
        state: Keep sessions, tokens and hosted pages in this file, so that they are there after a restart.
        openapi: Print what the sandbox enforces as an OpenAPI 3.1 document, and end.
        merge: What a PATCH does to a stored section, merge its members or replace it (a switch of its own).
        switch: NAME=VALUE: how it behaves; any number of times. The names are listed below.
        username: The merchant that is let in.
        secret: The merchant's secret.
        webhook_secret: What webhooks are signed with.
        seed: Of ids and faults; the same seed gives the same run.
    """
    try:
        switches = parse_switches(switch or (), merge=merge)
        if openapi:
            write_json(openapi_document(Switches(**switches)))
            return 0
        asyncio.run(
            serve(
                port=port,
                host=host,
                allow_remote=allow_remote,
                state=state,
                username=username,
                secret=secret,
                webhook_secret=webhook_secret,
                seed=seed,
                **switches,
            )
        )
    except (ValueError, OverflowError) as error:
        raise InputError(str(error)) from error
    except OSError as error:
        if state is not None and error.filename is not None:
            raise InputError(f"cannot open {state}: {error.strerror}") from error
        say(f"briqpay: cannot listen on {host}:{port}: {one_line(error.strerror or str(error))}")
        return FAILED
    return 0
