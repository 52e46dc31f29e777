"""Files that are no table of text by themselves: what kind a file is of, workbooks, and XML of meters."""
