"""Finds the best of each peer's settings on this machine, and remembers it."""

import json
from dataclasses import dataclass

from workers import Worker, WorkerError

ACTIONS = {"bulk": "embed_file", "singles": "singles", "images": "classify_files"}


@dataclass(frozen=True)
class Final:
    contenders: int = 4
    rounds: int = 3


def search(contender, scenario, texts, warm_texts, log_folder, last=Final()):
    """(best choice, every pass). All choices once; then the best few in turn, several times, since
    one pass on a busy machine says little. The quickest pass of the final decides."""
    choices = contender.choices[scenario]
    action = ACTIONS[scenario]
    tried = []

    with Worker(contender.name, contender.command, log_folder) as worker:

        def measure(number):
            worker.ask("load", **contender.settings, **choices[number])
            worker.ask(action, path=str(warm_texts))
            seconds = worker.ask(action, path=str(texts))["seconds"]
            tried.append({"choice": choices[number], "seconds": round(seconds, 4)})
            return seconds

        measure(0)  # the first of all pays for what the process does once
        first = sorted((measure(number), number) for number in range(len(choices)))
        final = [number for _, number in first[:last.contenders]]
        quickest = {number: float("inf") for number in final}
        for _ in range(last.rounds):
            for number in final:
                quickest[number] = min(quickest[number], measure(number))
    return choices[min(final, key=quickest.get)], tried


class Grid:
    """grid.json: per machine and pins, each peer's choices tried and the best."""

    def __init__(self, path, key, final=Final()):
        self.path = path
        self.final = final
        self.key = key
        try:
            self.all = json.loads(path.read_text())
        except (OSError, ValueError):
            self.all = {}
        self.here = self.all.setdefault(key, {})

    def choose_usual(self, contenders, scenarios):
        """What is remembered, else everyone's first choice; nothing is run."""
        for contender in contenders:
            for scenario in scenarios:
                if scenario not in contender.choices:
                    continue
                known = self.here.get(contender.name, {}).get(scenario)
                best = known["best"] if known else contender.choices[scenario][0]
                contender.best[scenario] = best
        return contenders

    def tune(self, contenders, texts, warm_texts, log_folder, again):
        """Fills in `best` of every contender. `texts`: scenario -> file. One that fails is left out
        of the list returned, with the reason printed."""
        able = []
        for contender in contenders:
            try:
                for scenario, path in texts.items():
                    if scenario not in contender.choices:
                        continue
                    self.settle(contender, scenario, (path, warm_texts, log_folder), again)
                able.append(contender)
            except WorkerError as error:
                print(f"left out: {error}", flush=True)
        return able

    def settle(self, contender, scenario, material, again):
        choices = contender.choices[scenario]
        if len(choices) == 1:
            contender.best[scenario] = choices[0]
            return
        remembered = self.here.setdefault(contender.name, {})
        known = remembered.get(scenario)
        if again or known is None or known["best"] not in choices:
            print(f"tuning {contender.name}, {scenario}: {len(choices)} choices ...", flush=True)
            best, tried = search(contender, scenario, *material, self.final)
            remembered[scenario] = {"best": best, "tried": tried}
            self.save()
        contender.best[scenario] = remembered[scenario]["best"]

    def save(self):
        self.path.write_text(json.dumps(self.all, indent=1) + "\n")
