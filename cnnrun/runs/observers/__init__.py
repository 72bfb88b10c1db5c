"""What listens to a training: each writes one thing down and knows nothing of the others."""
