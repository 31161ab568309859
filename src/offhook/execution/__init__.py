"""Runs accepted callflows: claims sessions, walks their actions, reports how they ended."""
