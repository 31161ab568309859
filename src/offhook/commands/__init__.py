"""The commands of ``offhook``, by what they are about; :mod:`offhook.cli` puts them together."""
