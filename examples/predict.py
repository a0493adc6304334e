#!/usr/bin/python3
"""Classifies the images of a .npy file with a bundle's model; needs torch and NumPy, not lathe.

    examples/predict.py fashion-mnist.bundle images.npy

The array is what the model was trained on: uint8 [N, C, H, W] or [N, H, W] images, float32 [N, F] rows of a table.
"""
import json
import pathlib
import sys

import numpy
import torch

if len(sys.argv) != 3:
    sys.exit(f"usage: {sys.argv[0]} BUNDLE FILE.npy")
bundle = pathlib.Path(sys.argv[1])
schema = json.loads((bundle / "data.json").read_text())["schema"]
model = torch.jit.load(str(bundle / "model.pt"))

inputs = torch.from_numpy(numpy.load(sys.argv[2])).reshape(-1, *schema["shape"])
with torch.no_grad():
    probabilities = model(inputs).softmax(1)
for i, (probability, label) in enumerate(zip(*probabilities.max(1))):
    print(f"{sys.argv[2]}[{i}]: {schema['classes'][label]} ({100 * probability:.1f} %)")
