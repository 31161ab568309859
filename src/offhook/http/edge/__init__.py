"""Admission: the layers that every request passes before its body is read."""
