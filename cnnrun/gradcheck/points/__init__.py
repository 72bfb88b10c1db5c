"""Where gradients are checked: layers, losses and networks at chosen inputs, within a budget."""
