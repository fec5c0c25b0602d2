"""What services say to each other and to clients: pure models, no I/O."""
