"""Do the contenders give images the same labels?"""

import json

from answers import AnswersDiffer

SCORE_APART_MAX = 1e-3
# torchvision rounds pixels otherwise than Pillow. A peer may take it: that is to its favour.
ROUNDED_APART_MAX = 5e-3


def bound(choice):
    return ROUNDED_APART_MAX if choice.get("processor") == "fast" else SCORE_APART_MAX


def compare(found, reference):
    """{images, apart, first, order}: the largest difference of scores of one place, and how many
    images have another first label, or anywhere another label than the reference."""
    if len(found) != len(reference):
        raise AnswersDiffer(f"expected labels of {len(reference)} images, found {len(found)}")
    seen = {"images": len(found), "apart": 0.0, "first": 0, "order": 0}
    for ours, theirs in zip(found, reference):
        if len(ours) != len(theirs):
            raise AnswersDiffer(f"expected {len(theirs)} labels of an image, found {len(ours)}")
        apart = max(abs(a[1] - b[1]) for a, b in zip(ours, theirs))
        seen["apart"] = max(seen["apart"], apart)
        seen["first"] += ours[0][0] != theirs[0][0]
        seen["order"] += [a[0] for a in ours] != [b[0] for b in theirs]
    return seen


def fault(seen, choice):
    """Why figures of these answers would not be comparable; empty: they are."""
    rounded = choice.get("processor") == "fast"
    if seen["apart"] > bound(choice):
        return f"scores {seen['apart']:.1e} apart, expected at most {bound(choice):.0e}"
    wrong = seen["first"] if rounded else seen["order"]
    if wrong:
        which = "another first label" if rounded else "other labels"
        return f"{wrong} of {seen['images']} images have {which}"
    return ""


class Answers:
    """The reference's labels by path of the image, and what was found beside them."""

    def __init__(self, folder):
        self.folder = folder
        self.labels = {}
        self.seen = {}  # the worst of each contender's runs
        self.checked = {}

    def take(self, worker):
        """The labels of the worker's last run."""
        out = self.folder / f"{worker.name}.labels.json"
        worker.ask("write_labels", out=str(out))
        return json.loads(out.read_text(encoding="utf-8"))

    def learn(self, worker, paths):
        self.labels.update(zip(paths, self.take(worker), strict=True))

    def check(self, worker, paths, choice):
        """Raises where the worker's last run, over `paths`, gave something else."""
        known = [self.labels[path] for path in paths]
        seen = compare(self.take(worker), known)
        if why := fault(seen, choice):
            raise AnswersDiffer(f"{worker.name}: {why}")
        worst = self.seen.setdefault(worker.name, dict.fromkeys(seen, 0))
        for key, value in seen.items():
            worst[key] = max(worst[key], value)
        checked = self.checked.setdefault(worker.name, set())
        checked.update(paths)
        worst["images"] = len(checked)
