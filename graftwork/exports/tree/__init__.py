"""The tree of a search as a picture: an SVG, or a page that a browser opens without a network."""
