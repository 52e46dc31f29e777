"""Reports on issued results: the result, its explanation, late changes, correction sheets, accounts of
files.
"""
