"""``python -m benchmarks.imports``: what ``import briqpay_async`` takes above ``import aiohttp``.

Both in one fresh interpreter, one after the other, so that each ratio is of one process. Processor time, so
that what else the machine does counts little. Both find their bytecode, as installed packages do: without it, one
would time the compiler, and of this package only, for aiohttp's files were compiled when it was installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict

from benchmarks.process import ROOT
from benchmarks.ratios import Ratio
from benchmarks.results_file import save

__all__ = ["measure"]

_PROGRAM = """
import json, sys, time
begin = time.process_time()
import aiohttp
middle = time.process_time()
import briqpay_async
end = time.process_time()
unwanted = {"sqlite3", "rich", "briqpay_async.sandbox", "briqpay_async.cli"} & sys.modules.keys()
assert not unwanted, unwanted
print(json.dumps([middle - begin, end - middle]))
"""


def measure(rounds: int = 15) -> Ratio:
    """Time of ``import briqpay_async`` once aiohttp is there, against the time of ``import aiohttp``."""
    ratios = []
    with tempfile.TemporaryDirectory() as bytecode:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(rounds + 1):
            ran = subprocess.run(  # noqa: S603 - the program above
                [sys.executable, "-c", _PROGRAM],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            )
            below, above = json.loads(ran.stdout)
            if number:  # the first one compiled the files
                ratios.append(above / below)
    return Ratio.from_rounds(ratios)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    ratio = measure(parser.parse_args().rounds)
    save("imports", asdict(ratio))
    print(f"import briqpay_async above import aiohttp (= 1.00): {ratio}")


if __name__ == "__main__":
    _main()
