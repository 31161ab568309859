"""Calls the lists of campaigns: which numbers next, at which pace, with which callflow."""
