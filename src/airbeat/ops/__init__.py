"""The operations log: what was decided, by whom and when, hash-chained and never overwritten."""
