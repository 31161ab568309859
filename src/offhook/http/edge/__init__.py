"""Who may come in: what every request passes before its body is read."""
