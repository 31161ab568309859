"""The session: its states, legs, owner and routing. Pure."""
