"""The pages of a delivery and of a report, set on the kit's page; their templates lie beside this file."""

from products.page_kit.site import Site

PAGES = Site("zhixiang.pages")
