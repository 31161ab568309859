"""Uploads of finished recordings: one file per protocol."""
