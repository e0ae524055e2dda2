"""`make texts`: brings the catalogues up to the sources, compiles them, and says what still waits for a translation."""

from __future__ import annotations

import sys

from tests.texts import catalogues


def main() -> int:
    waiting = 0
    for domain, language, wanted, only in catalogues.catalogues():
        path = catalogues.po_path(domain, language)
        made = catalogues.updated(catalogues.read(domain, language), wanted, language, only=only)
        changed = catalogues.write(path, catalogues.as_po(made))
        changed |= catalogues.write(path.with_suffix(".mo"), catalogues.as_mo(made))
        told = catalogues.mistakes(domain, language, wanted)
        waiting += len(told)
        shown = path.relative_to(catalogues.ROOT)
        print(f"{shown}: {len(made)} messages{', changed' if changed else ''}")
        for mistake in told:
            print(f"  {mistake}")
    return 1 if waiting else 0


sys.exit(main())
