"""Engines in the cloud, by the operator's keys, over their HTTP interfaces."""
