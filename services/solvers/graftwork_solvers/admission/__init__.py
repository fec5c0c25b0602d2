"""How many calls may be at the endpoint at once."""
