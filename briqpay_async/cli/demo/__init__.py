"""``briqpay demo``: realistic shop edits through the real client against the sandbox, with proof.

Scenario (``shop``, ``till``, ``edits``), runner (``runner``, ``bulk``, ``proof``) and presentation (``show``,
``command``) are apart: the first knows nothing of the client, and only the last knows rich and cyclopts.
"""

from briqpay_async.cli.demo.report import BulkReport, DemoReport, EditReport
from briqpay_async.cli.demo.runner import run_demo

__all__ = ["BulkReport", "DemoReport", "EditReport", "run_demo"]
