"""All that one bill is made from: gathered, written down, compared, sent to workers."""
