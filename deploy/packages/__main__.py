"""`python -m deploy.packages [deb] [rpm]`: makes packages below dist/ and says how large they are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.packages import making
from deploy.packages.product import PRODUCTS, ROOT
from deploy.packages.staging import BuildError
from deploy.packages.wheelhouse import LockError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.packages", description=__doc__)
    parser.add_argument("forms", nargs="*", choices=making.FORMS, help="which forms; default all")
    parser.add_argument("--only", choices=[one.short for one in PRODUCTS], help="one product instead of all")
    parser.add_argument("--revision", type=int, default=1, help="of the package, where the version stays; default 1")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder; default dist")
    options = parser.parse_args()
    try:
        for product in PRODUCTS:
            if options.only in (None, product.short):
                for form in options.forms or making.FORMS:
                    path = making.make(product, form, options.out, revision=options.revision)
                    if path is not None:
                        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    except (BuildError, LockError) as error:
        print(f"packages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
