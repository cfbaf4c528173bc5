"""Products of matrices: dense layers, `matmul`, `bmm`."""
