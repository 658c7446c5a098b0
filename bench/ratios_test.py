"""The arithmetic that the bench's verdicts rest on: python3 -m unittest, in this folder."""

import struct
import tempfile
import unittest
from pathlib import Path

import answers
import contenders
import image_answers
import images
import scenarios
import targets
from ratios import ratio, verdict


class RatioTest(unittest.TestCase):
    def test_pairs_rounds_and_not_totals(self):
        # The machine slows down fourfold; the contenders' ratio stays.
        drift = [1.0, 2.0, 3.0, 4.0, 4.0]
        found = ratio([1.5 * s for s in drift], drift)
        self.assertAlmostEqual(found["median"], 1.5)
        self.assertAlmostEqual(found["low"], 1.5)
        self.assertAlmostEqual(found["high"], 1.5)

    def test_one_wild_round_does_not_move_the_median(self):
        found = ratio([1.2] * 14 + [9.0], [1.0] * 15)
        self.assertAlmostEqual(found["median"], 1.2)
        self.assertAlmostEqual(found["high"], 1.2)

    def test_same_rounds_same_interval(self):
        slow, fast = [1.1, 1.3, 1.2, 1.5, 1.0], [1.0, 1.1, 0.9, 1.2, 1.0]
        self.assertEqual(ratio(slow, fast), ratio(slow, fast))
        self.assertLess(ratio(slow, fast)["low"], ratio(slow, fast)["high"])

    def test_verdicts(self):
        cases = [
            ((1.14, 1.30), "holds"),
            ((1.13, 1.14), "holds"),  # the tolerance
            ((1.05, 1.20), "not resolvable here"),
            ((1.10, 1.14), "does not hold"),  # across the target, but narrow
            ((0.90, 1.10), "does not hold"),
        ]
        for (low, high), expected in cases:
            with self.subTest(low=low, high=high):
                self.assertEqual(verdict({"low": low, "high": high}, 1.15), expected)


class ScenarioTest(unittest.TestCase):
    def test_everyone_has_every_place(self):
        order = []
        settle, scenarios.SETTLE_SECONDS = scenarios.SETTLE_SECONDS, 0
        self.addCleanup(setattr, scenarios, "SETTLE_SECONDS", settle)
        seconds = scenarios.interleaved(["a", "b", "c"], 3, lambda name: order.append(name) or 1.0)
        self.assertEqual("".join(order), "abcbcacab")
        self.assertEqual(seconds, {"a": [1.0] * 3, "b": [1.0] * 3, "c": [1.0] * 3})


class SliceTest(unittest.TestCase):
    def test_rounds_go_round_all_images(self):
        rounds = images.slices(list("abcde"), 2, 3)
        self.assertEqual(["".join(one) for one in rounds], ["ab", "cd", "ea"])
        self.assertEqual(images.slices(["a", "b"], 9, 2), [["a", "b"]] * 2)


class TargetTest(unittest.TestCase):
    def test_bulk_is_judged_against_the_fastest(self):
        seconds = {
            "accel": [1.0] * 5,
            "openvino_loop": [1.2] * 5,
            "sentence_transformers_torch": [1.6] * 5,
            "sentence_transformers_openvino": [1.25] * 5,
        }
        over_peer, over_library = targets.speed_targets("bulk", seconds)
        self.assertIn("openvino_loop", over_peer["what"])
        self.assertEqual(over_peer["verdict"], "holds")
        self.assertIn("sentence_transformers_openvino", over_library["what"])
        self.assertEqual(over_library["verdict"], "does not hold")

    def test_auto_ignores_precisions_that_lose_the_answers(self):
        seconds = {"accel": [1.0] * 3, "accel_bf16": [0.5] * 3, "accel_auto": [1.0] * 3}
        answered = {"accel": {"min": 1.0}, "accel_bf16": {"min": 0.9}, "accel_auto": {"min": 1.0}}
        self.assertEqual(targets.auto_target(seconds, answered)[0]["verdict"], "holds")
        answered["accel_bf16"]["min"] = 0.9995
        self.assertEqual(targets.auto_target(seconds, answered)[0]["verdict"], "does not hold")

    def test_a_memory_never_read_does_not_hold(self):
        memory = {"accel": {"resident": 0.0, "peak": 231.0}}
        self.assertEqual(
            [target["verdict"] for target in targets.memory_targets(memory)],
            ["does not hold", "does not hold"],
        )

    def test_no_placement_has_more_batches_than_threads(self):
        for cores in (1, 2, 16):
            for choice in contenders.placements(cores):
                self.assertLessEqual(choice["streams"], choice["threads"])


class AnswerTest(unittest.TestCase):
    def write(self, rows):
        header = (
            f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])})}}"
        )
        numbers = [number for row in rows for number in row]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "vectors.npy"
        start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
        path.write_bytes(start + struct.pack(f"<{len(numbers)}f", *numbers))
        return path

    def test_reads_and_compares(self):
        rows = answers.read_npy(self.write([[1.0, 0.0], [3.0, 4.0]]))
        found = answers.cosines(rows, [[1.0, 0.0], [0.0, 2.0]])
        self.assertAlmostEqual(found[0], 1.0)
        self.assertAlmostEqual(found[1], 0.8)

    def test_labels_of_images(self):
        reference = [[["cat", 0.6], ["dog", 0.3]], [["sun", 0.9], ["moon", 0.05]]]
        same = [[["cat", 0.6004], ["dog", 0.2996]], reference[1]]
        swapped = [[["cat", 0.6], ["dog", 0.3]], [["sun", 0.9], ["tree", 0.05]]]
        far = [[["cat", 0.604], ["dog", 0.3]], reference[1]]
        other = [[["dog", 0.6], ["cat", 0.3]], reference[1]]
        fast = {"processor": "fast"}
        for labels, choice, right in ((same, {}, True), (swapped, {}, False), (far, {}, False),
                                      (swapped, fast, True), (far, fast, True),
                                      (other, fast, False)):
            with self.subTest(labels=labels, choice=choice):
                seen = image_answers.compare(labels, reference)
                self.assertEqual(image_answers.fault(seen, choice) == "", right)

    def test_refuses_another_number_of_images(self):
        with self.assertRaises(answers.AnswersDiffer):
            image_answers.compare([], [[["cat", 1.0]]])

    def test_refuses_another_number_of_texts(self):
        with self.assertRaises(answers.AnswersDiffer):
            answers.cosines([[1.0]], [[1.0], [1.0]])


if __name__ == "__main__":
    unittest.main()
