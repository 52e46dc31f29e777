"""zhixiang (智享): runs the pipelines and the products for people."""

import time

BEGAN = time.monotonic()
"""When this process loaded the first of our modules, which is when a command begins. [s]"""
__version__ = "0.5.0"
