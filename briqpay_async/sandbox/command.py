"""Running a sandbox as a program: until a signal says stop, and then without a trace."""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from briqpay_async.sandbox.openapi.document import openapi_document
from briqpay_async.sandbox.server import SECRET, USERNAME, WEBHOOK_SECRET, Sandbox
from briqpay_async.sandbox.switches import Switches, parse_switches, switch_help

DEFAULT_PORT = 8420


def describe(sandbox: Sandbox) -> str:
    """Return what a developer needs to use a running sandbox, with lines to paste into a shell."""
    remote = ""
    if sandbox.allow_remote:
        remote = (
            "\n"
            "Other machines and containers can reach it, and it sends webhooks to any address.\n"
            "They need BRIQPAY_INSECURE_HTTP=1, and its name or address on the network in\n"
            f"BRIQPAY_BASE_URL, such as http://{socket.gethostname()}:{sandbox.port}\n"
        )
    return (
        f"Briqpay sandbox on {sandbox.url}\n"
        f"  username {sandbox.username}\n"
        f"  secret   {sandbox.secret}\n"
        "\n"
        f"export BRIQPAY_USERNAME={sandbox.username}\n"
        f"export BRIQPAY_SECRET={sandbox.secret}\n"
        f"export BRIQPAY_BASE_URL={sandbox.url}\n"
        "export BRIQPAY_ENVIRONMENT=playground\n"
        f"export BRIQPAY_WEBHOOK_SECRET={sandbox.webhook_secret}\n"
        f"{remote}"
        "\n"
        "Stop it with Ctrl-C.\n"
    )


async def serve(
    *,
    announce: Callable[[Sandbox], None] | None = None,
    stop: asyncio.Event | None = None,
    **options: Any,
) -> None:
    """Run a sandbox until SIGINT or SIGTERM, or until `stop` is set.

    Args:
        announce: Called once it listens; by default its address and credentials are printed.
        stop: Another way to end it.
        options: What `Sandbox` takes.

    Raises:
        OSError: the port is taken.
        ValueError: an option has a value it cannot have.
    """
    stopping = asyncio.Event() if stop is None else stop
    async with Sandbox(**options) as sandbox:
        with _signals(stopping):
            (announce or _print)(sandbox)
            await stopping.wait()


def _print(sandbox: Sandbox) -> None:
    sys.stdout.write(describe(sandbox))
    sys.stdout.flush()


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Any:
    """Let SIGINT and SIGTERM set the event, where the loop can (on Windows it cannot)."""
    loop = asyncio.get_running_loop()
    caught = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stopping.set)
            caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m briqpay_async.sandbox",
        description="Run an emulator of Briqpay's v3 API.",
        epilog=f"switches, with their defaults:\n{switch_help()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default %(default)s)")
    made.add_argument("--host", default="127.0.0.1", help="where to listen (default %(default)s)")
    made.add_argument(
        "--allow-remote",
        action="store_true",
        help="listen where other machines can reach it, and send webhooks to any address",
    )
    made.add_argument(
        "--openapi", action="store_true", help="print what the sandbox enforces as OpenAPI 3.1, and end"
    )
    made.add_argument("--state", metavar="FILE", help="keep sessions, tokens and hosted pages in this file")
    made.add_argument("--username", default=USERNAME, help="the merchant that is let in (default %(default)s)")
    made.add_argument("--secret", default=SECRET, help="the merchant's secret (default %(default)s)")
    made.add_argument(
        "--webhook-secret", default=WEBHOOK_SECRET, help="what webhooks are signed with (default %(default)s)"
    )
    made.add_argument("--seed", type=int, default=0, help="of ids and faults (default %(default)s)")
    made.add_argument("--merge", choices=("field", "section"), help="short for --switch merge=VALUE")
    made.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="how it behaves; any number of times"
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = vars(parser().parse_args(argv))
    openapi = options.pop("openapi")
    merge, texts = options.pop("merge"), options.pop("switch")
    try:
        switches = parse_switches(texts, merge=merge)
        if openapi:
            document = openapi_document(Switches(**switches))
            sys.stdout.write(
                orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
            )
            return 0
        options |= switches
        asyncio.run(serve(**options))
    except (OSError, ValueError, OverflowError) as error:
        sys.stderr.write(f"briqpay sandbox: {error}\n")
        return 1
    except KeyboardInterrupt:  # where the loop takes no signal handlers
        return 0
    return 0
