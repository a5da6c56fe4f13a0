"""What people see: the buyer's checkout and the developer's inspector."""
