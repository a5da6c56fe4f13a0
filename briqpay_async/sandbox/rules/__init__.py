"""What the API accepts in the bodies of requests."""
