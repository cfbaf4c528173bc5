"""What a model says of images that are too small for it."""


def for_images(name, least, net):
    """`net`, the model of this name, whose errors say that it takes images of `least` pixels a side."""
    net.least_image = name, least
    return net
