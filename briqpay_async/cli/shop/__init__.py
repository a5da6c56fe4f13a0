"""`briqpay shop`: a small merchant's shop on the client and the sandbox, to buy a cart in a browser."""
