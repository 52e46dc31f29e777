"""What a bill needs of a month: determinants, segments, supplies."""
