"""`python -m tests.truth.snmp_coverage FOLDER`: which expected sensors are read, and what differs unexplained."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tests.truth.snmp import compare, decoded, expected_of, recordings


def main(folder: Path) -> None:
    covered: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    bare: Counter[str] = Counter()
    for path, expected in recordings(folder):
        _, ours = decoded(path)
        for one in expected_of(expected):
            wanted[path.parent.name] += 1
            if any(
                bool(item.sensor.states) == (one.sensor["sensor_class"] == "state") for item in ours.get(one.oid, ())
            ):
                covered[path.parent.name] += 1
            else:
                bare[f"{path.parent.name}/{path.stem}"] += 1
    for part in wanted:
        print(f"{part}: {covered[part]} of {wanted[part]} expected sensors are read")
    for name, count in bare.most_common(200 if "-v" in sys.argv else 12):
        print(f"  not read: {count} of {name}")
    total = differing = known = 0
    for comparison in compare(folder):
        total += 1
        if not comparison.equal:
            differing += 1
            known += bool(comparison.explained)
            if not comparison.explained:
                print(f"{comparison.capture} {comparison.what}: {comparison.expected} expected, {comparison.got}")
    print(f"{total} compared, {differing} differ, {known} of them explained")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
