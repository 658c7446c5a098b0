"""The protocols of other servers, by their own clients where they publish one."""
import json
import unittest

from program import DATA, TINY
from server import ServerTest, needs_clients
from test_embed import TEXTS, recorded_embeddings

CLASSIFIER = DATA / "golden" / "distilbert-seqcls"


@needs_clients
class Ollama(ServerTest):
    def client(self):
        import ollama
        return ollama.Client(host=self.server.url)

    def test_embed(self):
        answer = self.client().embed(model="bert:latest", input=TEXTS)
        for found, expected in zip(answer.embeddings, recorded_embeddings(), strict=True):
            self.assertClose(found, expected)
        self.assertGreater(answer.total_duration, 0)
        self.assertEqual(len(self.client().embed(model="bert", input="a").embeddings), 1)

    def test_models(self):
        client = self.client()
        self.assertIn("bert:latest", [one.model for one in client.list().models])
        self.assertIn("bert:latest", [one.model for one in client.ps().models])
        self.assertIn("embedding", client.show("bert").capabilities)

    def test_errors(self):
        import ollama
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client().embed(model="none", input="x")
        self.assertEqual(caught.exception.status_code, 404)


class TextEmbeddingsInference(ServerTest):
    def test_embed(self):
        answer = self.post("/embed", {"inputs": TEXTS, "truncate": True})
        self.assertEqual(answer.status, 200, answer.body)
        for found, expected in zip(answer.json(), recorded_embeddings(), strict=True):
            self.assertClose(found, expected)
        self.assertEqual(self.post("/embed", {"inputs": "a " * 200}).status, 413)

    def test_tokens_and_back(self):
        tokens = self.post("/tokenize", {"inputs": "Hello world!"}).json()[0]
        ids = [one["id"] for one in tokens]
        self.assertEqual(self.post("/decode", {"ids": ids}).json(), ["hello world!"])

    def test_similarity(self):
        scores = self.post("/similarity", {"inputs": {
            "source_sentence": TEXTS[0], "sentences": [TEXTS[0], TEXTS[1]]}}).json()
        self.assertAlmostEqual(scores[0], 1, places=4)
        self.assertLess(scores[1], 0.9999)


@needs_clients
class Triton(ServerTest):
    """KServe's protocol as Triton's client speaks it over HTTP."""

    def client(self):
        import tritonclient.http
        client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{self.server.port}")
        self.addCleanup(client.close)
        return client

    def tensors(self):
        import numpy
        import tritonclient.http as http
        made = []
        for name in ("input_ids", "attention_mask"):
            tensor = http.InferInput(name, [1, 4], "INT64")
            values = [[2, 17, 5, 3]] if name == "input_ids" else [[1, 1, 1, 1]]
            tensor.set_data_from_numpy(numpy.array(values, dtype=numpy.int64))
            made.append(tensor)
        return made

    def test_the_server_and_its_models(self):
        client = self.client()
        self.assertTrue(client.is_server_live() and client.is_server_ready())
        self.assertTrue(client.is_model_ready("bert"))
        self.assertEqual(client.get_server_metadata()["name"], "accel")
        names = [one["name"] for one in client.get_model_metadata("bert")["inputs"]]
        self.assertIn("input_ids", names)
        self.assertEqual(client.get_model_config("bert")["name"], "bert")
        index = client.get_model_repository_index()
        self.assertEqual([(one["name"], one["state"]) for one in index], [("bert", "READY")])

    def test_tensors_binary_and_as_json(self):
        client = self.client()
        binary = client.infer("bert", self.tensors()).as_numpy("last_hidden_state")
        self.assertEqual(binary.shape, (1, 4, 32))
        import numpy
        import tritonclient.http as http
        asked = [http.InferRequestedOutput("last_hidden_state", binary_data=False)]
        text = client.infer("bert", self.tensors(), outputs=asked).as_numpy("last_hidden_state")
        self.assertTrue(numpy.array_equal(text, binary))

    def test_texts_become_what_the_model_is_for(self):
        import numpy
        import tritonclient.http as http
        texts = http.InferInput("text", [len(TEXTS)], "BYTES")
        texts.set_data_from_numpy(numpy.array([t.encode() for t in TEXTS], dtype=object))
        answer = self.client().infer("bert", [texts], request_id="7")
        self.assertEqual(answer.get_response()["id"], "7")
        for found, expected in zip(answer.as_numpy("sentence_embedding").tolist(),
                                   recorded_embeddings(), strict=True):
            self.assertClose(found, expected)

    def test_compressed_and_at_the_same_time(self):
        client = self.client()
        for coding in ("gzip", "deflate"):
            client.infer("bert", self.tensors(), request_compression_algorithm=coding,
                         response_compression_algorithm=coding)
        pending = [client.async_infer("bert", self.tensors()) for _ in range(8)]
        self.assertEqual(len([one.get_result() for one in pending]), 8)

    def test_loading_and_unloading(self):
        client = self.client()
        client.unload_model("bert")
        self.assertFalse(client.is_model_ready("bert"))
        client.load_model("bert")
        self.assertTrue(client.is_model_ready("bert"))
        self.assertGreaterEqual(
            client.get_inference_statistics("bert")["model_stats"][0]["inference_count"], 0)

    def test_errors(self):
        from tritonclient.utils import InferenceServerException
        with self.assertRaises(InferenceServerException) as caught:
            self.client().infer("none", self.tensors())
        self.assertIn("not defined", caught.exception.message())


class Classifying(ServerTest):
    MODELS = (f"classifier={CLASSIFIER}",)

    def test_predict_gives_every_label(self):
        answer = self.post("/predict", {"inputs": "a text", "truncate": True})
        self.assertEqual(answer.status, 200, answer.body)
        labels = answer.json()
        self.assertAlmostEqual(sum(one["score"] for one in labels), 1, places=4)
        self.assertEqual(labels, sorted(labels, key=lambda one: -one["score"]))

    def test_an_embedding_of_a_classifier_is_refused_or_is_one(self):
        answer = self.post("/v1/embeddings", {"model": "classifier", "input": "a text"})
        self.assertIn(answer.status, (200, 400))
        self.assertTrue(json.loads(answer.body))


if __name__ == "__main__":
    unittest.main()
