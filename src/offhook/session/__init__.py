"""The session: its states, its legs, whom it belongs to, where it is routed. Pure."""
