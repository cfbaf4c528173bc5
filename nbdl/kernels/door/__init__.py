"""What kernels ask of their arguments: arrays, options, labels, windows."""
