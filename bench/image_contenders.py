"""Who is measured with images, and the settings each may choose from."""

from contenders import BARE_LOOP, Contender, peer_command

REFERENCE = "transformers_torch"
# What everyone's answers are compared with: Pillow's pixels.
REFERENCE_CHOICE = {"processor": "slow", "workers": 0, "batch": 1}
SCENARIO = "images"


def product(*axes):
    """Every choice of one from each axis, all merged."""
    found = [{}]
    for axis in axes:
        found = [{**some, **more} for some in found for more in axis]
    return found


def peer_choices(cores, heavy):
    """name -> choices. Of a `heavy` model the inference decides, and one look at a choice takes
    long: what is left out there are large batches and the slower ways to run the light ones."""
    batches = [{"batch": batch} for batch in ((8, 1) if heavy else (8, 1, 32))]
    preparing = product([{"processor": "fast"}, {"processor": "slow"}],
                        [{"workers": 0}, {"workers": cores}])
    if heavy:
        preparing.pop()  # slow with workers: as good as fast with workers
    together = {"threads": cores, "streams": 1}
    split = {"threads": cores, "streams": cores, "workers": 0}
    running = {
        "transformers_torch": [{"threads": cores}] if heavy else [{"threads": cores},
                                                                  {"threads": 1}],
        "optimum_openvino": [{"hint": "latency"}] if heavy else [{"hint": "latency"},
                                                                 {"threads": 1, "streams": 1}],
        "onnxruntime_images": [together],
    }
    found = {name: product(ways, preparing, batches) for name, ways in running.items()}
    if cores > 1:
        processors = preparing[:1] if heavy else [{"processor": "fast"}, {"processor": "slow"}]
        found["onnxruntime_images"] += product(processors, [split], batches)
    return found


def peers(python, model, graphs, cores, heavy):
    settings = {"model": str(model), "graphs": str(graphs)}
    return [
        Contender(name, peer_command(python, name), settings, {SCENARIO: choices})
        for name, choices in peer_choices(cores, heavy).items()
    ]


def accel(folder, model, cores, heavy):
    """accel with its own defaults, and a bare loop over ready-made pixels at its best."""
    settings = {"model": str(model), "precision": "f32"}
    worker = Contender("accel", [str(folder / "accel_bench_images")], settings, {SCENARIO: [{}]})
    streams = [{"streams": count} for count in dict.fromkeys((cores, 1))]
    batches = [{"batch": batch} for batch in ((1, 4, 8) if heavy else (1, 4, 8, 16))]
    loop = Contender(BARE_LOOP, [str(folder / "accel_bench_bare_image_loop")],
                     {"model": str(model)}, {SCENARIO: product(streams, batches)})
    return [worker, loop]
