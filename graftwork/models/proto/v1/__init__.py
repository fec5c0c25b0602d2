"""Stubs of proto/graftwork/v1, made by scripts/proto: never edited by hand."""
