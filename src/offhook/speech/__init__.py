"""Prompts: texts spoken by an engine, and customers' audio files fetched and decoded."""
