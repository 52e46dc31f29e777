"""Computing only what a change reaches: affected meter points and months, and the files rewritten for
them.
"""
