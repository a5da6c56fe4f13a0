"""Where the system's Chromium is."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The program named by ``BRIQPAY_TEST_CHROMIUM``, or one of the system's."""
    named = os.environ.get("BRIQPAY_TEST_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)
