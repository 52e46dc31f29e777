"""Numbers of the methods of estimation: columns of the matrix of estimates, in the order of the catalogue."""

from __future__ import annotations

LINEAR, LIKE_DAY, OFFSET_CORRECTED, HALFWAY, UNCORRECTED = range(5)
METHODS = 5
