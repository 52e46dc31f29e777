"""One module per public data set that the samples are made from."""
