"""Outgoing HTTP: all requests to hosts that customers name are made here."""
