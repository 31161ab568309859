"""The callflow language: its actions and the judgement of what customers send. Pure."""
