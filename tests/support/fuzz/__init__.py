"""Fuzzing of what parses octets from the network: targets, the runner for atheris, and the inputs."""
