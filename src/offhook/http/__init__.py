"""The HTTP API: routes by resource, authentication, problems, limits and the server itself."""
