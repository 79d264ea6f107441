"""Networks that a visitor of the page trains, looks into, takes back and trains on differently."""
