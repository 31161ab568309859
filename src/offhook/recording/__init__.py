"""Recordings of sessions: written while the call runs, mixed afterwards, uploaded."""
