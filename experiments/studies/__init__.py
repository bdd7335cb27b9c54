"""The reference study: every method on five datasets, with two minority classes each, at six imbalances."""
