"""The nets: the U-Net, the mask head and their families; how they are pruned, widened and read."""
