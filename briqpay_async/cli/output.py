"""Where output goes: JSON for programs to stdout, everything for people to stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console

from briqpay_async.cli.exits import one_line, printable

__all__ = ["narrated", "say", "write_json", "write_line"]


def write_json(document: Any) -> None:
    """Write one JSON document to stdout: indented UTF-8, coloured only on a terminal."""
    encoded = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if sys.stdout.isatty():
        Console().print_json(encoded.decode(), indent=2)
        return
    # Bytes, because a pipe's text encoding is the platform's and JSON is UTF-8.
    sys.stdout.flush()
    sys.stdout.buffer.write(encoded)
    sys.stdout.buffer.flush()


def write_line(document: bytes) -> None:
    """Write one JSON document as a line to stdout."""
    sys.stdout.flush()
    sys.stdout.buffer.write(document + b"\n")
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Print a text to stderr. What is quoted of a server or a file cannot steer the terminal."""
    print(*map(printable, text.split("\n")), sep="\n", file=sys.stderr)


class _Narrator(logging.Handler):
    """Shows what the client logs: retries and orders that do not add up. Its records are redacted already."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"briqpay: {one_line(record.getMessage())}")


@contextmanager
def narrated() -> Iterator[None]:
    """Show what the client logs while the block runs."""
    logger = logging.getLogger("briqpay_async")
    narrator, level = _Narrator(logging.INFO), logger.level
    logger.addHandler(narrator)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(narrator)
