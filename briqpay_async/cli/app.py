"""The command line as a whole: its groups of commands, and how a run ends.

A group is one file with a function ``register(app)``, named in ``GROUPS``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from cyclopts import App, CycloptsError

from briqpay_async.cli import completion, order, page, sandbox, session, token
from briqpay_async.cli.bulk import command as bulk
from briqpay_async.cli.demo import command as demo
from briqpay_async.cli.exits import (
    BUG,
    EXITS,
    FAILED,
    INTERRUPTED,
    PIPE_CLOSED,
    WRONG_INPUT,
    InputError,
    explain,
    one_line,
)
from briqpay_async.cli.output import say
from briqpay_async.cli.shop import command as shop
from briqpay_async.cli.webhook import command as webhook
from briqpay_async.cli.worker import command as worker
from briqpay_async.errors import BriqpayError
from briqpay_async.version import __version__

__all__ = ["GROUPS", "make_app", "run"]

GROUPS: Final[tuple[Callable[[App], None], ...]] = (
    session.register,
    order.register,
    token.register,
    page.register,
    bulk.register,
    worker.register,
    sandbox.register,
    webhook.register,
    demo.register,
    shop.register,
    completion.register,
)

_HELP: Final = "\n".join(
    (
        "Briqpay's v3 checkout sessions: send only what changed.",
        "",
        "Credentials come from the environment: BRIQPAY_USERNAME, BRIQPAY_SECRET,",
        "BRIQPAY_ENVIRONMENT (playground or production) and BRIQPAY_BASE_URL.",
        "JSON goes to stdout, everything else to stderr.",
        "",
        "Exit status:",
        "",
        *(f"- {number}: {meaning}" for number, meaning in EXITS.items()),
    )
)


def make_app(groups: Sequence[Callable[[App], None]] = GROUPS) -> App:
    """The application with its groups of commands."""
    app = App(name="briqpay", help=_HELP, version=__version__)
    for register in groups:
        register(app)
    return app


def run(argv: Sequence[str], app: App | None = None) -> int:
    """Run one command line and return its exit status. Nothing but a bug being debugged raises.

    Args:
        argv: Arguments without the program's name.
        app: The application.
    """
    try:
        status = _dispatch(argv, app or make_app())
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("briqpay: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered would fail once more when the interpreter closes stdout.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return PIPE_CLOSED
    except CycloptsError as error:
        say(f"briqpay: {one_line(str(error))}")
        return WRONG_INPUT
    except (InputError, BriqpayError) as error:
        status, line = explain(error)
        say(f"briqpay: {line}")
    except OSError as error:  # such as a full disk behind stdout
        say(f"briqpay: {one_line(str(error))}")
        return FAILED
    except Exception as error:
        if os.environ.get("BRIQPAY_DEBUG"):
            raise
        say(f"briqpay: unexpected {one_line(f'{type(error).__name__}: {error}')} (BRIQPAY_DEBUG=1 shows where)")
        return BUG
    return status


def _dispatch(argv: Sequence[str], app: App) -> int:
    command, arguments, _ = app.parse_args(list(argv), exit_on_error=False, print_error=False)
    result = command(*arguments.args, **arguments.kwargs)
    return result if isinstance(result, int) else 0
