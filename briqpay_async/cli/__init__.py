"""The ``briqpay`` command. Needs the extra ``cli`` (cyclopts and rich), which is imported on use only."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_LIBRARIES = frozenset({"cyclopts", "rich"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; those of the process when left out.

    Returns:
        The exit status: see ``briqpay --help``.
    """
    try:
        from briqpay_async.cli.app import run  # noqa: PLC0415 - its libraries are optional
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _LIBRARIES:
            raise
        print(
            f"briqpay: {library} is missing. Install the command line: pip install 'briqpay-async[cli]'",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("briqpay: interrupted", file=sys.stderr)
        return 130
    return run(sys.argv[1:] if argv is None else argv)
