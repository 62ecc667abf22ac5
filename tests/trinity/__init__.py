"""The real engine on a real PostgreSQL, one worker at a time under a seed: every failpoint may be a change of hands."""
