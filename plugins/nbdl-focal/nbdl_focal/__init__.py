"""The focal loss for nbdl."""

import nbdl


@nbdl.hookimpl
def nbdl_kernels():
    yield nbdl.Kernel(
        "focal_loss",
        forward="nbdl_focal.kernels:focal_loss",
        inputs=("x", "labels"),
        outputs=("loss",),
        grads={"x": "nbdl_focal.kernels:focal_loss_dx"},
        reference="nbdl_focal.reference:focal_loss",
        cases="nbdl_focal.reference:cases",
    )


@nbdl.hookimpl
def nbdl_losses():
    yield nbdl.Loss("focal", "nbdl_focal.loss:focal", metrics=("accuracy",))
