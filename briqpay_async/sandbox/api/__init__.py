"""What Briqpay answers, endpoint by endpoint."""
