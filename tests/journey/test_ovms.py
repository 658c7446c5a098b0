"""accel serve as OpenVINO Model Server is started: its flags, its config.json, its folders of
versions, asked by the client that it is asked with."""
import json
import shutil
import socket
import unittest

from program import DATA, INVALID_ARGUMENT, NOT_FOUND, OK, PERMISSION_DENIED, UNIMPLEMENTED
from program import ProgramTest
from server import Server, needs_clients

IR = DATA / "foreign" / "bert-feature-ir"
ONNX = DATA / "foreign" / "bert-feature-onnx"
OTHER = DATA / "foreign" / "distilbert-seqcls-onnx"


def free_ports(count):
    """Ports that nothing listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class OvmsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "models" / "bert"
        self.put(IR, self.model / "1")
        self.put(ONNX, self.model / "2")

    def put(self, model, folder):
        """As a careful operator does: whole, or not at all."""
        shutil.copytree(model, folder.parent / f"new-{folder.name}",
                        copy_function=shutil.copyfile)
        (folder.parent / f"new-{folder.name}").rename(folder)

    def write(self, models, **others):
        new = self.folder / "new.json"
        new.write_text(json.dumps({"model_config_list": [{"config": one} for one in models],
                                   **others}), encoding="utf-8")
        new.replace(self.folder / "config.json")

    def serve(self, *arguments, **options):
        server = Server(*arguments, env=self.environment(), **options)
        self.addCleanup(server.kill)
        return server

    def clients(self, rest, grpc=None):
        import tritonclient.grpc
        import tritonclient.http
        made = [(module, module.InferenceServerClient(f"127.0.0.1:{port}"))
                for module, port in ((tritonclient.http, rest), (tritonclient.grpc, grpc or rest))]
        for _, client in made:
            self.addCleanup(client.close)
        return made

    def numbers(self, module, client, name="bert", version=""):
        """The first output for a fixed input."""
        import numpy
        metadata = client.get_model_metadata(name, version)
        if not isinstance(metadata, dict):
            metadata = {"inputs": [{"name": one.name} for one in metadata.inputs],
                        "outputs": [{"name": one.name} for one in metadata.outputs]}
        inputs = []
        for one in metadata["inputs"]:
            values = {"input_ids": [[2, 17, 5, 3]], "attention_mask": [[1] * 4]}
            tensor = module.InferInput(one["name"], [1, 4], "INT64")
            tensor.set_data_from_numpy(
                numpy.array(values.get(one["name"], [[0] * 4]), dtype=numpy.int64))
            inputs.append(tensor)
        answer = client.infer(name, inputs, model_version=version)
        return answer.as_numpy(metadata["outputs"][0]["name"])


@needs_clients
class Serving(OvmsTest):
    def test_flags_serve_a_models_versions(self):
        import numpy
        from tritonclient.utils import InferenceServerException
        grpc, rest = free_ports(2)
        server = self.serve(
            "--model_name", "bert", "--model_path", self.model, "--port", grpc, "--rest_port", rest,
            "--model_version_policy", '{"all": {}}', "--nireq", "4", "--log_level", "ERROR",
            "--plugin_config", '{"NUM_STREAMS": "1", "INFERENCE_PRECISION_HINT": "f32"}',
            options=(), listen=())
        self.assertIn("ready: bert:1, bert:2", server.said)
        for words in ("--nireq: has no effect: ", "--port: at 127.0.0.1 alone",
                      "--rest_port: at 127.0.0.1 alone"):
            self.assertEqual(server.said.count(words), 1, server.said)
        answers = []
        for module, client in self.clients(rest, grpc):
            metadata = client.get_model_metadata("bert", "1")
            versions = metadata["versions"] if isinstance(metadata, dict) else metadata.versions
            self.assertEqual(list(versions), ["1", "2"])
            answers += [self.numbers(module, client, version=one) for one in ("1", "2", "")]
            self.assertTrue(client.is_model_ready("bert", "2"))
            with self.assertRaises(InferenceServerException) as refused:
                self.numbers(module, client, version="3")
            self.assertIn("bert:3", str(refused.exception))
        for one in answers:
            self.assertLess(numpy.abs(one - answers[0]).max(), 1e-4)
        self.assertEqual(server.stop(), OK)

    def test_config_json_and_its_versions_are_followed(self):
        bert = {"name": "bert", "base_path": "models/bert", "target_device": "CPU", "nireq": 2,
                "plugin_config": {"INFERENCE_PRECISION_HINT": "f32", "ENABLE_MMAP": "NO"}}
        late = {"name": "late", "base_path": "models/late"}
        self.write([bert, late], mediapipe_config_list=[{"name": "chat", "base_path": "chat"}],
                   monitoring={"metrics": {"enable": True}})
        server = self.serve("--config_path", self.folder)
        for words in ("model 'bert': nireq: has no effect", "plugin_config.ENABLE_MMAP: has no",
                      'mediapipe_config_list: left out: "chat"', "it is served as soon as one is"):
            self.assertEqual(server.said.count(words), 1, server.said)
        self.assertIn("ready: bert\n", server.said)
        (module, client), _ = self.clients(server.port)
        self.assertEqual(client.get_model_metadata("bert")["versions"], ["2"])
        latest = self.numbers(module, client)

        self.put(IR, self.model / "3")  # found by looking
        server.wait_for(r"(models: new: bert:3; gone: bert:2)")
        self.assertEqual(client.get_model_metadata("bert")["versions"], ["3"])
        self.assertLess(abs(self.numbers(module, client, version="3") - latest).max(), 1e-4)

        (self.model / "4").mkdir()  # on its way: passed over, and taken when it is whole
        shutil.copyfile(IR / "openvino_model.xml", self.model / "4" / "a.xml")
        server.wait_for(r"(4: passed over)")
        shutil.copyfile(IR / "openvino_model.bin", self.model / "4" / "a.bin")
        server.wait_for(r"(models: new: bert:4; gone: bert:3)")

        self.put(OTHER, self.folder / "models" / "late" / "7")
        server.wait_for(r"(models: new: late:7)")
        self.assertTrue(client.is_model_ready("late", "7"))

        server.said = ""
        self.write([late | {"target_devic": "CPU"}])  # a mistake changes nothing
        self.assertIn("did you mean target_device?",
                      server.wait_for(r"(models: stay as they were: .*\n)"))
        self.assertTrue(client.is_model_ready("bert"))
        self.write([bert | {"model_version_policy": {"specific": {"versions": [1, 3]}}}])
        server.wait_for(r"(models: new: bert:1, bert:3; gone: bert:4, late:7)")
        self.assertEqual(client.get_model_metadata("bert")["versions"], ["1", "3"])
        self.assertEqual(server.stop(), OK)


class Refusing(OvmsTest):
    def test_what_cannot_be_is_said(self):
        single = ("serve", "--model_name", "bert", "--model_path", self.model)
        self.refused(UNIMPLEMENTED, *single, "--layout", "NHWC:NCHW",
                     says="--layout: expected none")
        self.refused(PERMISSION_DENIED, *single, "--rest_port", "8000", "--rest_bind_address",
                     "0.0.0.0", says="other machines could use the models without a key")
        self.refused(INVALID_ARGUMENT, *single, "--plugin_config", '{"NUM_STREAMS": "many"}',
                     says="--plugin_config.NUM_STREAMS")
        self.refused(INVALID_ARGUMENT, "serve", "--model_nam", "x",
                     says="did you mean --model_name?")
        self.refused(NOT_FOUND, "serve", "--model_name", "m", "--model_path", self.folder / "none",
                     says="expected a folder with versions 1, 2 ...")
        self.refused(NOT_FOUND, "serve", "--config_path", self.folder / "none.json")
        config = self.folder / "wrong.json"
        for text, words in (("{", "wrong.json: "), ("{}", "model_config_list"),
                            ('{"model_config_list": [{"name": "m"}]}', "model_config_list[0]"),
                            ('{"model_config_list": [{"config": {"name": "m"}}]}', "base_path")):
            config.write_text(text, encoding="utf-8")
            self.refused(INVALID_ARGUMENT, "serve", "--config_path", config, says=words)


if __name__ == "__main__":
    unittest.main()
