"""What the sound card's thread runs: compiled nodes, plans and their swaps, rings, devices."""
