"""The built-in carrier: phones that answer, press keys, hang up, are busy, or are not there."""
