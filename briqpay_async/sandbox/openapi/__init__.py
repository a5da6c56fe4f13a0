"""The OpenAPI 3.1 document of the emulated API, made of the tables that the sandbox checks requests with."""
