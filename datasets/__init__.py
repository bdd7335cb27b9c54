"""Where images come from, one file per dataset, and what is asked of them."""
