"""From samples to labels that can be trusted: found, ordered by value, prepared, labeled, verified, stored.

index -> selection (one SQL) -> items -> work (our page, or Ground Truth) -> verdicts -> label store, report
"""
