"""Makes the clients' types and methods from the OpenAPI document: ``python -m scripts.clients``."""
