"""Transfer-supply fee code (转供电费码): price comparison, colour, implied price, signed code, pages."""
