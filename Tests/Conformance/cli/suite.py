"""All tests of the command line that need a process, a terminal or a session. One home and few sessions serve them all."""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import importlib

from home import Home
from world import TESTS, World


def main():
    here = pathlib.Path(__file__).parent
    for path in sorted(here.glob("test_*.py")):
        importlib.import_module(path.stem)
    wanted = sys.argv[1:]
    chosen = [t for t in TESTS if not wanted or any(word in t.__name__ for word in wanted)]
    failed = 0
    with Home() as home:
        world = World(home)
        for function in chosen:
            begin = time.monotonic()
            try:
                function(world)
                verdict = "ok"
            except Exception as error:  # whatever a test throws is its failure
                failed += 1
                verdict = f"FAILED: {type(error).__name__}: {error}"
            print(f"{function.__name__.replace('_', ' ')}: {verdict} ({time.monotonic() - begin:.1f} s)", flush=True)
    print(f"cli: {len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
