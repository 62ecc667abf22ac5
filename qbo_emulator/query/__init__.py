"""The query language: ``tokens`` cuts, ``parser`` understands, ``evaluate`` answers."""
