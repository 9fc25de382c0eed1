"""incrementality."""
