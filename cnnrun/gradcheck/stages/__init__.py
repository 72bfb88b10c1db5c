"""What is checked at a point, one file a stage."""
