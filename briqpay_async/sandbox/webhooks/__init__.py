"""What Briqpay sends to a shop: which hooks get a change, with which body, when, and how often."""
