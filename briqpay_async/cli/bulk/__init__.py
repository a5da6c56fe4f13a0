"""`briqpay bulk`: the rows of a file through `update_many`."""
