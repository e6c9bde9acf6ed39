"""RPAccel, the accelerator of RecPipe, as a model of cycles, energy and area. No torch."""
