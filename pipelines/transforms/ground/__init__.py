"""What transforms stand on: exact numbers in arrays, local days, keys, the row in force on a day."""
