"""The record in PostgreSQL, shared by the processes of any number of machines."""
