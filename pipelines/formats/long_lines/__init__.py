"""The lines of long and wide files as typed columns, whatever they were read from."""
