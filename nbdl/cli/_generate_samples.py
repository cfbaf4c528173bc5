"""``nbdl generate`` of a variational autoencoder: pictures of what it draws."""

from nbdl.cli._errors import advised
from nbdl.cli._output import emit, note, pairs
from nbdl.errors import UsageError

LENGTH = 64  # samples, if nothing is said


def generate_samples(net, config, preparation, path, samples, seed, plot, plane):
    """Draw samples by the net of a run into the file `plot`, its plane of codes into `plane`."""
    import nbdl.train
    from nbdl import registry
    from nbdl.train import _files
    from nbdl.train._draw_pictures import plane_picture, samples_picture

    if plot is None and plane is None:
        what = "a variational autoencoder draws pictures: --plot or --plane says into which file"
        raise advised(UsageError(what), path, f"nbdl generate {path} --plot samples.png")
    if plane is not None and net.latent != 2:
        what = f"the plane of codes is that of 2 latent dimensions, the net has {net.latent}"
        raise advised(UsageError(what), path, "nbdl train vae --set model_options.latent=2")
    count, title = LENGTH if samples is None else samples, config.model or "net"
    with registry.swap(**config.swap):
        if plot is not None:
            drawn = nbdl.train.draw_samples(net, count, seed)
            _files.write_bytes(plot, samples_picture(drawn, f"{count} samples of {title}"))
            note(f"picture: {plot}")
        if plane is not None:
            x, y = _test_samples(config, preparation)
            _files.write_bytes(plane, plane_picture(net, x, y, f"codes of {title}"))
            note(f"picture: {plane}")
    answer = {"samples": count if plot is not None else 0, "seed": seed, "plot": plot, "plane": plane}
    answer["model"] = path
    emit(answer, lambda: pairs([(name, value) for name, value in answer.items() if value is not None]))


def _test_samples(config, preparation):
    """Samples and labels of the test part of the data that a run was made with; none of a run on arrays."""
    import nbdl.data

    if not config.data:
        return None, None
    data = nbdl.data.load(config.data, **config.data_options)
    x, y = data.test
    return preparation.inputs(x), (y if data.classes is not None else None)
