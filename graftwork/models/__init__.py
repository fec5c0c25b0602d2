"""Client of the model plane: every model call in the platform goes through here."""
