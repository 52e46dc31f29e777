"""Load curves: received records to settled, validated, estimated days."""
