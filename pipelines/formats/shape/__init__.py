"""The shape of the series in a long file: how far apart values stand, whether they are readings of a counter,
and which sign they bear; judged series by series and day by day, never by the commonest shape of a file.
"""
