"""What ``scripts/contracts.py`` makes of the contracts: documents for machines, and pages for people."""
