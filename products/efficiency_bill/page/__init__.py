"""The bill and its correction sheet as pages."""
