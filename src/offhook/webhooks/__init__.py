"""Webhooks: their payloads, their signature, their delivery, and the live question (VCA)."""
