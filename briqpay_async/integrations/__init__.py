"""Optional adapters to other libraries. Each needs an extra of its own, and loads its library when it is used."""
