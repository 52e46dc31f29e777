"""How a month compares: with the customer's own baseline and with peers."""
