"""The Australian metering files: their records, intervals (NEM12) and accumulated registers (NEM13)."""
