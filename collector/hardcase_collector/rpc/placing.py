"""Where a host that joins is put in the books: the site of its token. Called by `joining.py` in its transaction."""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.domain.asset import AssetFacts, AssetMode
from hardcase_collector.domain.customer import Custody
from hardcase_collector.domain.errors import JoiningRefused
from hardcase_collector.domain.identity import identify
from hardcase_collector.domain.joining import RefusalName
from hardcase_collector.domain.ports import EnrolmentToken, Transaction


def place(tx: Transaction, token: EnrolmentToken, facts: AssetFacts) -> None:
    """Makes the asset, as the books do, where no agent has seen it yet. What the books say of its site already stays.

    Raises JoiningRefused where the machine is another customer's.
    """
    key, basis = identify(facts)
    known = tx.assets.by_key(key)
    if known is not None and known.customer != token.customer:
        raise JoiningRefused(
            RefusalName.OTHER_CUSTOMER,
            f"asset {key} belongs to another customer than the token: change the books first",
        )
    # A site that was removed since the token was made, and drills, which stand nowhere, are put nowhere.
    if not token.site or facts.rehearsal or tx.registry.site(customer=token.customer, name=token.site) is None:
        return
    if known is None:
        known = tx.assets.add(
            key=key,
            basis=basis,
            facts=facts,
            customer=token.customer,
            mode=AssetMode.LIVE,
            joined_ms=0,
            live_from_ms=0,
        )
    custody = tx.registry.custody(known.id) or Custody(asset=known.id)
    if not custody.site:
        tx.registry.save_custody(replace(custody, site=token.site))
