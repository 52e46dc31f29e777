"""The signed code and its picture."""
