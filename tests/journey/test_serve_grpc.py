"""KServe's protocol over gRPC, as Triton's client and gRPC's own tools speak it, on the port that
takes HTTP, too."""
import queue
import unittest

from program import SANITIZED
from server import ServerTest, needs_clients
from test_embed import TEXTS, recorded_embeddings

IDS = [[2, 17, 5, 3]]
LARGE = [[2] + [17] * 60 + [3]] * 3000  # 1.5 MB, twice; 24 MB come back
# Sanitizers make streams slow, not few.
STREAMS = 200 if SANITIZED else 1000


class GrpcTest(ServerTest):
    @property
    def target(self):
        return f"127.0.0.1:{self.server.port}"

    def client(self, **options):
        import tritonclient.grpc
        client = tritonclient.grpc.InferenceServerClient(self.target, **options)
        self.addCleanup(client.close)
        return client

    def channel(self):
        import grpc
        channel = grpc.insecure_channel(self.target)
        self.addCleanup(channel.close)
        return channel

    def tensors(self, ids=None):
        import numpy
        from tritonclient.grpc import InferInput
        ids = ids or IDS
        made = []
        for name in ("input_ids", "attention_mask"):
            tensor = InferInput(name, [len(ids), len(ids[0])], "INT64")
            values = ids if name == "input_ids" else [[1] * len(row) for row in ids]
            tensor.set_data_from_numpy(numpy.array(values, dtype=numpy.int64))
            made.append(tensor)
        return made

    def texts(self, texts):
        import numpy
        from tritonclient.grpc import InferInput
        made = InferInput("text", [len(texts)], "BYTES")
        made.set_data_from_numpy(numpy.array([t.encode() for t in texts], dtype=object))
        return [made]

    def hidden(self):
        return self.client().infer("bert", self.tensors()).as_numpy("last_hidden_state")


@needs_clients
class Triton(GrpcTest):
    def test_the_server_and_its_models(self):
        client = self.client()
        self.assertTrue(client.is_server_live() and client.is_server_ready())
        self.assertTrue(client.is_model_ready("bert") and client.is_model_ready("bert", "1"))
        self.assertEqual(client.get_server_metadata().name, "accel")
        metadata = client.get_model_metadata("bert")
        self.assertIn("input_ids", [one.name for one in metadata.inputs])
        self.assertEqual(list(metadata.inputs[0].shape), [-1, -1])
        config = client.get_model_config("bert").config
        self.assertEqual((config.name, config.backend, config.max_batch_size), ("bert", "accel", 0))
        index = client.get_model_repository_index().models
        self.assertEqual([(one.name, one.state) for one in index], [("bert", "READY")])

    def test_tensors_are_those_of_http(self):
        import numpy
        import tritonclient.http as http
        over_http = http.InferenceServerClient(self.target)
        self.addCleanup(over_http.close)
        inputs = []
        for tensor in self.tensors():
            made = http.InferInput(tensor.name(), list(tensor.shape()), tensor.datatype())
            values = IDS if tensor.name() == "input_ids" else [[1] * 4]
            made.set_data_from_numpy(numpy.array(values, dtype=numpy.int64))
            inputs.append(made)
        expected = over_http.infer("bert", inputs).as_numpy("last_hidden_state")
        found = self.hidden()
        self.assertEqual(found.shape, (1, 4, 32))
        self.assertTrue(numpy.array_equal(found, expected))

    def test_texts_become_what_the_model_is_for(self):
        answer = self.client().infer("bert", self.texts(TEXTS), request_id="7")
        self.assertEqual(answer.get_response().id, "7")
        for found, expected in zip(answer.as_numpy("sentence_embedding").tolist(),
                                   recorded_embeddings(), strict=True):
            self.assertClose(found, expected)

    def test_typed_contents(self):
        import grpc
        import numpy
        from tritonclient.grpc import service_pb2, service_pb2_grpc
        request = service_pb2.ModelInferRequest(model_name="bert")
        for name, values in (("input_ids", IDS[0]), ("attention_mask", [1] * 4)):
            tensor = request.inputs.add(name=name, datatype="INT64", shape=[1, 4])
            tensor.contents.int64_contents.extend(values)
        stub = service_pb2_grpc.GRPCInferenceServiceStub(self.channel())
        raw = stub.ModelInfer(request).raw_output_contents[0]
        self.assertTrue(numpy.array_equal(numpy.frombuffer(raw, dtype=numpy.float32),
                                          self.hidden().ravel()))
        with self.assertRaises(grpc.RpcError) as caught:  # of the published service, not of ours
            stub.TraceSetting(service_pb2.TraceSettingRequest())
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_compressed_and_at_the_same_time(self):
        client = self.client()
        for coding in ("gzip", "deflate"):
            client.infer("bert", self.tensors(), compression_algorithm=coding)
        done = queue.Queue()
        for _ in range(32):
            client.async_infer("bert", self.tensors(),
                               callback=lambda result, error: done.put((result, error)))
        for _ in range(32):
            result, error = done.get(timeout=60)
            self.assertIsNone(error)
            self.assertEqual(result.as_numpy("last_hidden_state").shape, (1, 4, 32))

    def test_large_messages(self):
        found = self.client().infer("bert", self.tensors(LARGE)).as_numpy("last_hidden_state")
        self.assertEqual(found.shape, (3000, 62, 32))

    def test_a_stream_answers_in_order_and_survives_errors(self):
        done = queue.Queue()
        client = self.client()
        client.start_stream(callback=lambda result, error: done.put((result, error)))
        for i in range(40):
            model = "none" if i == 5 else "bert"
            client.async_stream_infer(model, self.texts([TEXTS[i % 2]]), request_id=str(i))
        for i in range(40):
            result, error = done.get(timeout=60)
            if i == 5:
                self.assertIn("not defined", error.message())
                continue
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(i))
            self.assertClose(result.as_numpy("sentence_embedding").tolist()[0],
                             recorded_embeddings()[i % 2])
        client.stop_stream()

    def test_loading_and_unloading(self):
        client = self.client()
        client.unload_model("bert")
        self.assertFalse(client.is_model_ready("bert"))
        client.load_model("bert")
        self.assertTrue(client.is_model_ready("bert"))
        client.infer("bert", self.texts(TEXTS))
        client.infer("bert", self.tensors(IDS * 3))
        counted = client.get_inference_statistics("bert").model_stats[0]
        self.assertEqual(counted.inference_count, len(TEXTS) + 3)

    def test_errors(self):
        from tritonclient.utils import InferenceServerException
        with self.assertRaises(InferenceServerException) as caught:
            self.client().infer("none", self.tensors())
        self.assertEqual(caught.exception.status(), "StatusCode.NOT_FOUND")
        self.assertIn("not defined", caught.exception.message())
        with self.assertRaises(InferenceServerException) as caught:
            self.client().infer("bert", self.tensors(LARGE), client_timeout=0.002)
        self.assertIn("DEADLINE", caught.exception.status())

    def test_aio(self):
        import asyncio
        import tritonclient.grpc.aio as aio

        async def ask():
            async with aio.InferenceServerClient(self.target) as client:
                answers = await asyncio.gather(
                    *(client.infer("bert", self.tensors()) for _ in range(20)))
                return [one.as_numpy("last_hidden_state").shape for one in answers]
        self.assertEqual(asyncio.run(ask()), [(1, 4, 32)] * 20)


@needs_clients
class Tools(GrpcTest):
    def test_reflection(self):
        from google.protobuf.descriptor_pool import DescriptorPool
        from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
            ProtoReflectionDescriptorDatabase)
        database = ProtoReflectionDescriptorDatabase(self.channel())
        self.assertIn("inference.GRPCInferenceService", database.get_services())
        pool = DescriptorPool(database)
        service = pool.FindServiceByName("inference.GRPCInferenceService")
        self.assertTrue(service.methods_by_name["ModelStreamInfer"].client_streaming)
        # What is described is what Triton publishes, name for name and number for number.
        from tritonclient.grpc import service_pb2
        for name in ("ModelInferRequest", "ModelInferResponse", "ModelStatistics", "ModelConfig"):
            ours = pool.FindMessageTypeByName(f"inference.{name}")
            published = getattr(service_pb2, name, None)
            if published is None:
                from tritonclient.grpc import model_config_pb2
                published = getattr(model_config_pb2, name)
            theirs = {one.name: (one.number, one.type) for one in published.DESCRIPTOR.fields}
            for field in ours.fields:
                self.assertEqual((field.number, field.type), theirs[field.name], field.name)

    def test_health(self):
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc
        stub = health_pb2_grpc.HealthStub(self.channel())
        serving = health_pb2.HealthCheckResponse.SERVING
        for service in ("", "inference.GRPCInferenceService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
            self.assertEqual(answer.status, serving)
        with self.assertRaises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="none"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_many_streams_at_a_time(self):
        """Each is open while all others are, and each gets its own answers."""
        import asyncio
        import grpc
        from tritonclient.grpc import service_pb2, service_pb2_grpc

        def request(name):
            asked = service_pb2.ModelInferRequest(model_name="bert", id=name)
            tensor = asked.inputs.add(name="text", datatype="BYTES", shape=[1])
            tensor.contents.bytes_contents.append(b"a text")
            return asked

        async def hold(stub, name, opened, everybody):
            stream = stub.ModelStreamInfer()
            await stream.write(request(name))
            first = await stream.read()
            opened.append(name)
            if len(opened) == STREAMS:
                everybody.set()
            await everybody.wait()
            await stream.write(request(name + " again"))
            second = await stream.read()
            await stream.done_writing()
            self.assertEqual(await stream.read(), grpc.aio.EOF)
            return first.infer_response.id, second.infer_response.id

        async def all_of_them():
            opened, everybody = [], asyncio.Event()
            async with grpc.aio.insecure_channel(self.target) as channel:
                stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
                return await asyncio.wait_for(asyncio.gather(
                    *(hold(stub, str(i), opened, everybody) for i in range(STREAMS))), 240)

        answers = asyncio.run(all_of_them())
        self.assertEqual(answers, [(str(i), f"{i} again") for i in range(STREAMS)])


if __name__ == "__main__":
    unittest.main()
