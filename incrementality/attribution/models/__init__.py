"""Models of credit: records of functions, each one query in the engine."""

__all__: list[str] = []
