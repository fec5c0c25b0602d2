"""The routes of the API, by tag."""
