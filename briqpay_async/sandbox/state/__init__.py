"""What the emulator remembers, and how requests change it."""
