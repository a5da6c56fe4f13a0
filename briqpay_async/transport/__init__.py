"""One call over HTTP: order, gate, attempt, judge, retry."""
