"""What Briqpay sends to a shop: which hooks hear of a change, what they are told, when, and how often."""
