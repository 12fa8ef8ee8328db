"""The protocol that every other room stands on: specs, trees of leaves, names and checks."""
