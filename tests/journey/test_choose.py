"""What is chosen by content and by measured speed: rules, search, prediction, profiles, warm-up."""
import json
import unittest

from program import INVALID_ARGUMENT, TINY, ProgramTest, needs_acceleration

PARTS = "MULTI:CPU/1,CPU/1"
RULES = "tokens_below=8 device=CPU/1#0; tokens_from=8 device=CPU/1#1"
TEXTS = ["a"] + ["a b c d e f g h i j"] + ["a b"] * 20 + ["a b c d e f g h"] * 20


def expected_device(tokens):
    return "CPU/1#0" if tokens < 8 else "CPU/1#1"


@needs_acceleration
class RulesJourney(ProgramTest):
    def check(self, records):
        self.assertEqual(len(records), len(TEXTS))
        devices = {record["device"] for record in records}
        self.assertEqual(devices, {"CPU/1#0", "CPU/1#1"})
        for record in records:
            self.assertEqual(record["device"], expected_device(record["tokens"]))

    # row 260
    def test_short_and_long_texts_go_to_different_devices_by_flag(self):
        self.check(self.records("--device", PARTS, "--rules", RULES, *TEXTS))
        lines = "\n".join(TEXTS)
        self.check(self.records("--device", PARTS, "--rules", RULES, "--input", "-", input=lines))

    # row 260
    def test_and_by_the_configuration(self):
        config = self.folder / "rules.yaml"
        config.write_text(f"device: {PARTS}\nrules:\n"
                          "  - {tokens_below: 8, device: CPU/1#0}\n"
                          "  - {tokens_from: 8, device: CPU/1#1}\n", encoding="utf-8")
        self.check(self.records("--config", config, *TEXTS))
        done = self.accel("run", TINY, "a", "a b c d e f g h i", "--task", "feature-extraction",
                          "--config", config)
        records = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertEqual([record["device"] for record in records], ["CPU/1#0", "CPU/1#1"])

    def test_without_rules_no_device_is_told_of_each(self):
        for record in self.records("--device", PARTS, "a", "a b c d e f g h i"):
            self.assertNotIn("device", record)

    def test_rules_that_cannot_hold_are_refused(self):
        def refused(rules, says, device=PARTS):
            self.refused(INVALID_ARGUMENT, "embed", TINY, "a", "--device", device, "--rules", rules,
                         says=says)

        refused("tokens_bellow=3 device=CPU/1", "did you mean tokens_below?")
        refused("tokens_below=3 device=GPU", ("rule 1", "CPU/1#0, CPU/1#1"))
        refused("device=CPU/1; tokens_below=3 device=CPU/1#0", ("rule 2", "never reached"))
        refused("tokens_from=9 tokens_below=3 device=CPU/1", "tokens_from less than tokens_below")
        refused("device=CPU", "MULTI:CPU/1,GPU", device="CPU")

    def test_a_carried_field_may_not_be_called_like_it(self):
        line = json.dumps({"text": "a b", "device": "mine"})
        record, = self.records("--field", "text", "--input", "-", input=line)
        self.assertEqual(record["device"], "mine")
        self.accel("embed", TINY, "--field", "text", "--input", "-", "--device", PARTS, "--rules",
                   RULES, input=line, code=INVALID_ARGUMENT)


if __name__ == "__main__":
    unittest.main()
