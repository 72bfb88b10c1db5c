"""The array functions that take the time: pure, fast, and checked against nested loops."""
