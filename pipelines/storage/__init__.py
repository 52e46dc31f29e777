"""Delta tables: how rows are laid out in files, read, written, compared and committed."""
