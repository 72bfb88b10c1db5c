"""Shows what flows backward through a network: gradient maps, attribution, pictures."""
