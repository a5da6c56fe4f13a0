"""`python -m briqpay_async.sandbox`."""

import sys

from briqpay_async.sandbox.serving import main

sys.exit(main())
