"""The rows of every declared table as types, generated from the declarations, a module a layer."""
