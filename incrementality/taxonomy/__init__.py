"""What touches, functions, channels and campaigns are called: definitions that users extend; no data here."""

__all__: list[str] = []
