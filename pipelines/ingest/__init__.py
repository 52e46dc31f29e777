"""Received files: found in the inbox, read into bronze, replayed from quarantine; manual edits beside
them.
"""
