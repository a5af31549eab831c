"""The pure room: declarations, patch text and data, the graph, its plan, errors, units."""
