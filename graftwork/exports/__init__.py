"""Datasets in the formats that trainers read, and pictures of searches. Pure: values in, values out.

Here: conversations (``conversation``), what a dataset's columns hold (``sources``), the formats they can become
(``targets``), and the tree of a search as a picture (``tree``).
"""
