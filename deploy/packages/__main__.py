"""`python -m deploy.packages [deb] [rpm]`: makes packages below dist/ and says how large they are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.packages import making
from deploy.packages.product import PRODUCTS, ROOT
from deploy.packages.staging import BuildError, CannotBuild
from deploy.packages.wheelhouse import FetchError, LockError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.packages", description=__doc__)
    parser.add_argument("forms", nargs="*", choices=(*making.FORMS, []), help="which forms; default all")
    parser.add_argument("--only", choices=[one.short for one in PRODUCTS], help="one product instead of all")
    parser.add_argument("--revision", type=int, default=1, help="of the package, where the version stays; default 1")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder; default dist")
    parser.add_argument("--where-possible", action="store_true", help="what this machine cannot make is only named")
    options = parser.parse_args()
    status = 0
    for product in PRODUCTS:
        if options.only not in (None, product.short):
            continue
        for form in (form for form in product.forms if form in (options.forms or making.FORMS)):
            try:
                path = making.make(product, form, options.out, revision=options.revision)
            except (BuildError, LockError, FetchError) as error:
                print(f"{product.name}.{form} was not made: {error}", file=sys.stderr)
                status = 0 if options.where_possible and isinstance(error, CannotBuild) else 1
            else:
                print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    return status


if __name__ == "__main__":
    sys.exit(main())
