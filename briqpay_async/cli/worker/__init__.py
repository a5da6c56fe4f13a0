"""``briqpay worker``, and what other commands need of the queue that it serves."""
