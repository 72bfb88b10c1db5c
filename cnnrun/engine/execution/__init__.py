"""Runs a network over batches: what runs, on which workers, and what they say to each other."""
