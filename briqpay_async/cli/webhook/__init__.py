"""``briqpay webhook``: try an endpoint, judge a webhook, and watch them arrive."""
