"""Layers, one idea a file; each sits the exam of `jaxnn.testing.check_layer`."""
