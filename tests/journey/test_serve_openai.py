"""The clients that OpenAI publishes, unmodified, against accel serve."""
import asyncio
import base64
import json
import shutil
import struct
import subprocess
import unittest
from pathlib import Path

from program import DATA, TINY
from server import CLIENTS, ServerTest, needs_clients
from test_embed import TEXTS, recorded_embeddings


@needs_clients
class OpenAiClient(ServerTest):
    MODELS = (f"bert={TINY}", "--alias", "text-embedding-3-small=bert")

    def client(self):
        import openai
        client = openai.OpenAI(base_url=self.server.url + "/v1", api_key="none", max_retries=0)
        self.addCleanup(client.close)
        return client

    def test_embeddings(self):
        # The client asks for base64 by itself and decodes it.
        answer = self.client().embeddings.create(model="text-embedding-3-small", input=TEXTS)
        self.assertEqual(answer.model, "text-embedding-3-small")
        for one, expected in zip(answer.data, recorded_embeddings()):
            self.assertClose(one.embedding, expected)
        self.assertGreater(answer.usage.prompt_tokens, len(TEXTS))

    def test_numbers_and_base64_are_the_same(self):
        create = self.client().embeddings.create
        numbers = create(model="bert", input="a text", encoding_format="float").data[0].embedding
        packed = create(model="bert", input="a text", encoding_format="base64").data[0].embedding
        self.assertEqual(list(struct.unpack("<32f", base64.b64decode(packed))),
                         [struct.unpack("f", struct.pack("f", x))[0] for x in numbers])

    def test_fewer_dimensions_have_unit_length(self):
        row = self.client().embeddings.create(model="bert", input="a text",
                                              dimensions=8).data[0].embedding
        self.assertEqual(len(row), 8)
        self.assertAlmostEqual(sum(x * x for x in row), 1, places=4)

    def test_ids_of_tokens(self):
        tokens = self.accel("tokenize", TINY, "a text", "--format", "ids").stdout
        ids = [int(x) for x in tokens.decode().strip().strip("[]").split(",")]
        create = self.client().embeddings.create
        by_ids = create(model="bert", input=[ids]).data[0].embedding
        self.assertClose(by_ids, create(model="bert", input="a text").data[0].embedding, 1e-6)

    def test_models(self):
        models = self.client().models
        self.assertEqual({one.id for one in models.list()},
                         {"bert", "default", "text-embedding-3-small"})
        self.assertEqual(models.retrieve("bert").id, "bert")

    def test_errors_are_the_clients_own(self):
        import openai
        client = self.client()
        with self.assertRaises(openai.NotFoundError) as caught:
            client.embeddings.create(model="none", input="x")
        self.assertEqual(caught.exception.code, "not_found")
        with self.assertRaises(openai.BadRequestError) as caught:
            client.embeddings.create(model="bert", input=[])
        self.assertIn("input", str(caught.exception))

    def test_many_at_a_time(self):
        import openai

        async def ask_all():
            async with openai.AsyncOpenAI(base_url=self.server.url + "/v1", api_key="none",
                                          max_retries=0) as client:
                return await asyncio.gather(*(
                    client.embeddings.create(model="bert", input=TEXTS[i % len(TEXTS)])
                    for i in range(100)))

        for i, answer in enumerate(asyncio.run(ask_all())):
            self.assertClose(answer.data[0].embedding, recorded_embeddings()[i % len(TEXTS)])


SPEECH = DATA / "golden" / "wav2vec2-ctc"


@needs_clients
class Transcriptions(ServerTest):
    MODELS = (f"speech={SPEECH}",)

    def test_a_recording_is_spelled_as_accel_run_spells_it(self):
        import openai
        sound = next(path for path in sorted((DATA / "audio" / "formats").iterdir())
                     if path.suffix == ".wav")
        told = self.accel("run", SPEECH, sound, "--precision", "f32", "--json").stdout
        expected = json.loads(told)["result"]["text"]
        with openai.OpenAI(base_url=self.server.url + "/v1", api_key="none",
                           max_retries=0) as client:
            answer = client.audio.transcriptions.create(model="speech", file=sound)
            self.assertEqual(answer.text, expected)
            captions = client.audio.transcriptions.create(model="speech", file=sound,
                                                          response_format="vtt")
            self.assertTrue(captions.startswith("WEBVTT"))
            with self.assertRaises(openai.BadRequestError):
                client.audio.transcriptions.create(model="speech", file=("x.wav", b"no sound"))


SCRIPT = Path(CLIENTS).parent / "openai_js"


@unittest.skipUnless(shutil.which("node") and (SCRIPT / "node_modules/openai").is_dir(),
                     "OpenAI's client for JavaScript is not here: ./dev setup")
class JavaScript(ServerTest):
    MODELS = (f"bert={TINY}", f"speech={SPEECH}")

    def run_script(self, script, *arguments):
        head = ("import OpenAI from 'openai'; import fs from 'node:fs';"
                "const given = JSON.parse(process.argv[1]);"
                f"const client = new OpenAI({{baseURL: '{self.server.url}/v1', apiKey: 'none', "
                "maxRetries: 0}); let told;")
        done = subprocess.run(
            ["node", "--input-type=module", "--eval",
             head + script + "; console.log(JSON.stringify(told));", json.dumps(arguments)],
            capture_output=True, cwd=SCRIPT, timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def test_embeddings(self):
        # It asks for base64 by itself and decodes it.
        rows = self.run_script("told = (await client.embeddings.create({model: 'bert', "
                               "input: given})).data.map((one) => one.embedding)", *TEXTS)
        for found, expected in zip(rows, recorded_embeddings(), strict=True):
            self.assertClose(found, expected)

    def test_models_and_errors(self):
        self.assertIn("speech", self.run_script(
            "told = (await client.models.list()).data.map((one) => one.id)"))
        told = self.run_script("try { await client.embeddings.create({model: 'none', input: 'x'}) }"
                               "catch (error) { told = [error.constructor.name, error.status] }")
        self.assertEqual(told, ["NotFoundError", 404])

    def test_a_recording(self):
        sound = next(path for path in sorted((DATA / "audio" / "formats").iterdir())
                     if path.suffix == ".wav")
        expected = json.loads(
            self.accel("run", SPEECH, sound, "--precision", "f32", "--json").stdout)
        found = self.run_script("told = (await client.audio.transcriptions.create({model: 'speech',"
                                " file: fs.createReadStream(given[0])})).text", str(sound))
        self.assertEqual(found, expected["result"]["text"])


@needs_clients
class LangChain(ServerTest):
    def test_documents_and_queries(self):
        from langchain_openai import OpenAIEmbeddings
        embeddings = OpenAIEmbeddings(model="bert", base_url=self.server.url + "/v1",
                                      api_key="none", check_embedding_ctx_length=False)
        for found, expected in zip(embeddings.embed_documents(TEXTS), recorded_embeddings()):
            self.assertClose(found, expected)
        self.assertClose(embeddings.embed_query(TEXTS[0]), recorded_embeddings()[0])


if __name__ == "__main__":
    unittest.main()
