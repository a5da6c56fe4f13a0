"""``python -m briqpay_async.cli``."""

import sys

from briqpay_async.cli import main

sys.exit(main())
