"""The kill programme: real worker processes die at every named place, and the next ones bring both sides together."""
