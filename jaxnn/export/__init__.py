"""Trained models out of the door: as a StableHLO program, an ONNX graph, a file of NumPy, or for TF Lite."""
