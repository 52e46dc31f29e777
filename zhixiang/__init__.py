"""zhixiang (智享): runs the pipelines and the products for people."""

__version__ = "0.3.0"
