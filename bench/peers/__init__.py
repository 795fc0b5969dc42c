"""What others would have built: measured in the same run, on the same data."""
