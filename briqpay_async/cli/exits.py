"""What a failure looks like to a shell: one line on stderr, and a number out of a small table."""

from __future__ import annotations

from typing import Final

from briqpay_async.errors import (
    AuthenticationError,
    BriqpayError,
    ConfigurationError,
    ConnectError,
    PatchNotAppliedError,
    TotalsMismatchError,
    UnpatchableChangeError,
    ValidationError,
)

__all__ = [
    "BUG",
    "EXITS",
    "FAILED",
    "INTERRUPTED",
    "PIPE_CLOSED",
    "WRONG_INPUT",
    "InputError",
    "NothingToSendError",
    "explain",
    "one_line",
    "printable",
]

FAILED: Final = 1
WRONG_INPUT: Final = 2
BUG: Final = 70
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

EXITS: Final = {
    0: "done, or nothing had to be done",
    FAILED: "the API refused, no answer came, a file has a misspelt section, or the demo found a mismatch",
    WRONG_INPUT: "wrong usage, settings, files or values; nothing was changed",
    BUG: "a bug in this program; BRIQPAY_DEBUG=1 shows where",
    INTERRUPTED: "interrupted with Ctrl-C",
    PIPE_CLOSED: "the program that reads the output has ended",
}
"""The exit statuses and what they mean."""


class InputError(Exception):
    """A file, an option or a setting that is invalid."""


class NothingToSendError(InputError):
    """What a file says would silently not be sent: a section is misspelt, or no patch can carry any of it."""


_WRONG_INPUT = (InputError, ConfigurationError, ValidationError, UnpatchableChangeError, TotalsMismatchError)

_HINTS: Final[tuple[tuple[type[BriqpayError], str], ...]] = (
    (AuthenticationError, "check BRIQPAY_USERNAME, BRIQPAY_SECRET and BRIQPAY_ENVIRONMENT"),
    (ConnectError, "check BRIQPAY_BASE_URL and the network"),
    (PatchNotAppliedError, "try again with --depth section"),
    (UnpatchableChangeError, "if AFTER is only a part of the session, add --absent keep"),
)


def explain(error: InputError | BriqpayError) -> tuple[int, str]:
    """The exit status of a failure, and the line that says what happened and what to do."""
    hint = next((f" ({text})" for kind, text in _HINTS if isinstance(error, kind)), "")
    if isinstance(error, NothingToSendError):
        return FAILED, one_line(str(error))
    return WRONG_INPUT if isinstance(error, _WRONG_INPUT) else FAILED, one_line(f"{error}{hint}")


def one_line(text: str) -> str:
    """A text as one line that cannot steer a terminal: error messages quote what a server sent."""
    return printable(" ".join(text.split()))


def printable(line: str) -> str:
    """A line with its control characters made visible."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in line)
