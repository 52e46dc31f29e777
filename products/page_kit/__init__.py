"""What the pages of all products share: the page itself, inline pictures, colours, and words."""
