"""What a model is and what it costs: summaries, operations, gradients, scale."""
