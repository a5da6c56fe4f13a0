"""`python -m briqpay_async.sandbox`."""

import sys

from briqpay_async.sandbox.command import main

sys.exit(main())
