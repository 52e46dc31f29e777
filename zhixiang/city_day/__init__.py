"""A simulated city's day, timed: received curves and kept profiles on disk, through validation and
estimation, into committed silver.
"""

from zhixiang.city_day.timing import CityDay, run_city_day

__all__ = ["CityDay", "run_city_day"]
