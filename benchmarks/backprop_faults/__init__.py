"""Hand-written networks with and without mistakes, made from a seed, and what `backlight check` says of them."""
