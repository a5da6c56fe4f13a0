"""The ``briqpay`` program, as the shell starts it. Ctrl-C while the package loads ends it without a traceback.

The wheel carries this file as ``_briqpay_command`` beside the package, because importing any part of a package
imports the package.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line: see ``briqpay_async.cli.main``."""
    try:
        from briqpay_async.cli import main as run  # noqa: PLC0415 - the first of all imports
    except KeyboardInterrupt:
        sys.stderr.write("briqpay: interrupted\n")
        return 130
    return run()
