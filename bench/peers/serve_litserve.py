"""A server by LitServe, whose own batching hands requests to sentence-transformers.

    serve_litserve.py SETTINGS     a JSON object: port, model, graphs, backend (torch, onnx or
                                   openvino), threads (of a worker), workers (processes), requests
                                   (of one call at the most), wait (seconds that a call waits for
                                   them), batch (of encode)
"""

import json
import sys

import litserve
from fastapi import Response
from server_answers import answer, encode, open_encoder


def texts_of(request):
    given = request["input"]
    return [given] if isinstance(given, str) else given


class Embeddings(litserve.LitAPI):
    def __init__(self, settings):
        many = settings["requests"] > 1
        super().__init__(max_batch_size=settings["requests"],
                         batch_timeout=settings["wait"] if many else 0,
                         api_path="/v1/embeddings")
        self.settings = settings

    def setup(self, device):
        self.model = open_encoder(self.settings)

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return output

    def predict(self, inputs):
        """Of one request, or of a list of them."""
        requests = inputs if isinstance(inputs, list) else [inputs]
        texts = [text for request in requests for text in texts_of(request)]
        vectors = encode(self.model, texts, self.settings["batch"])
        answers, begin = [], 0
        for request in requests:
            end = begin + len(texts_of(request))
            answers.append((vectors[begin:end], request.get("encoding_format", "float"),
                            request.get("model", "default")))
            begin = end
        return answers if isinstance(inputs, list) else answers[0]

    def encode_response(self, output):
        return Response(answer(*output), media_type="application/json")


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    server = litserve.LitServer(Embeddings(given), accelerator="cpu", devices=1, timeout=False,
                                workers_per_device=given["workers"])
    server.run(host="127.0.0.1", port=given["port"], num_api_servers=1, log_level="warning",
               generate_client_file=False)
