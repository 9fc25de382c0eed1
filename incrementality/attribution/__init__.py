"""Who touched the revenue: journeys, models of credit, and a ledger that adds up to the cent; never what was caused."""

__all__: list[str] = []
