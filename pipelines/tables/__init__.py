"""Every table declared once: name, key, columns, types, units, codes, expectations, prose."""
