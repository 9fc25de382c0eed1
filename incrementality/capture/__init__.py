"""The records of a company: touches, deals and money read under contract, cleaned, matched, set aside, audited."""

__all__: list[str] = []
