"""Contender: a bare Python loop on OpenVINO over the graph that optimum-intel exports.

Settings: model, graphs, max_tokens, batch, hint ("throughput", "latency"), or threads and streams.
"""

from protocol import serve


class Encoder:
    packages = ["openvino", "tokenizers", "numpy"]

    def load(self, settings):
        import openvino
        from text_batches import TextBatches

        config = {"INFERENCE_PRECISION_HINT": "f32"}
        if "hint" in settings:
            config["PERFORMANCE_HINT"] = settings["hint"].upper()
        if "threads" in settings:
            config["INFERENCE_NUM_THREADS"] = settings["threads"]
            config["NUM_STREAMS"] = settings["streams"]
        core = openvino.Core()
        graph = settings["graphs"] + "/openvino/openvino/openvino_model.xml"
        self.compiled = core.compile_model(graph, "CPU", config)
        self.inputs = [port.get_any_name() for port in self.compiled.inputs]
        jobs = self.compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self.queue = openvino.AsyncInferQueue(self.compiled, jobs) if jobs > 1 else None
        self.request = self.compiled.create_infer_request()
        self.texts = TextBatches(settings["model"], settings["max_tokens"])
        self.batch = settings["batch"]

    def feed(self, batch):
        import numpy
        from text_batches import padded

        input_ids, mask = padded(batch)
        named = {"input_ids": input_ids, "attention_mask": mask}
        if "token_type_ids" in self.inputs:
            named["token_type_ids"] = numpy.zeros_like(input_ids)
        return named, mask

    def embed(self, texts):
        import numpy
        from text_batches import mean_pooled

        size = self.compiled.outputs[0].partial_shape[2].get_length()
        vectors = numpy.empty((len(texts), size), numpy.float32)

        def keep(request, place):
            rows, mask = place[:2]
            vectors[rows] = mean_pooled(request.get_output_tensor(0).data, mask)

        if self.queue is None or len(texts) == 1:
            for rows, batch in self.texts.cut(texts, self.batch):
                named, mask = self.feed(batch)
                self.request.infer(named, share_inputs=True, share_outputs=True)
                keep(self.request, (rows, mask))
            return vectors
        self.queue.set_callback(keep)
        for rows, batch in self.texts.cut(texts, self.batch):
            named, mask = self.feed(batch)
            # `named` travels along: shared inputs must outlive the request.
            self.queue.start_async(named, (rows, mask, named), share_inputs=True)
        self.queue.wait_all()
        return vectors

    def tokens(self, texts):
        return [len(ids) for ids in self.texts.encode(texts)]


serve(Encoder())
