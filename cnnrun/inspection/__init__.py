"""Shows what flows backward: gradient maps of a network, and the lecture for any geometry."""
