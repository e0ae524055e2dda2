"""`hardcase-collector customers ...`, `sites ...`, `contacts ...`: who and where, line by line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from hardcase_collector.commands import books, talk
from hardcase_collector.commands.books import Scope
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

app = typer.Typer(no_args_is_help=True, help="Customers: whose the assets are.")
sites = typer.Typer(no_args_is_help=True, help="Sites: where assets stand, with time zone and calendar.")
contacts = typer.Typer(
    no_args_is_help=True, help="Contacts: whom to tell; the nearest of asset, group, site, customer."
)

Name = Annotated[str, typer.Argument(help="Short name of the customer, as assets and users carry it.")]
Title = Annotated[str | None, typer.Option(help="As people call it.")]
Language = Annotated[str | None, typer.Option(help="In which to write: en or zh.")]
Owner = Annotated[str, typer.Argument(help="Customer.")]
SiteName = Annotated[str, typer.Argument(help="Name of the site, unique within the customer.")]
Zone = Annotated[str | None, typer.Option("--time-zone", help="As Asia/Shanghai.")]
Country = Annotated[str | None, typer.Option(help="Two letters, as CN: its public holidays count.")]
Subdivision = Annotated[str | None, typer.Option(help="State or province with holidays of its own, as BY.")]
Calendar = Annotated[str | None, typer.Option(help="A calendar of the sheets, in place of the country's.")]
Address = Annotated[str | None, typer.Option(help="Where engineers go.")]
Depot = Annotated[str | None, typer.Option(help="Depot of spare parts that serves it first.")]
Mail = Annotated[str | None, typer.Option(help="Mail address.")]
Phone = Annotated[str | None, typer.Option(help="Phone number.")]
Consent = Annotated[bool | None, typer.Option("--may-consent/--may-not-consent", help="May consent to a repair.")]


class ContactScope(StrEnum):
    ASSET = "asset"
    GROUP = "group"
    SITE = "site"
    CUSTOMER = "customer"


@app.command("list")
def list_customers(ctx: typer.Context, customer: Scope = None, as_json: JsonFlag = False) -> None:
    """List customers, also names that only assets, agents or users carry."""
    found = talk.get(ctx, "/customers", customer=customer)["customers"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["name"],
            one["title"] if one["in_books"] else _("(not in the books)"),
            one["language"],
            one["assets"],
            one["site_count"],
            one["contact_count"],
        )
        for one in found
    )
    columns = heads("name", "title", "language", "assets", "sites", "contacts")
    talk.show_table("", columns, rows, empty=_("No customers."))


@app.command("show")
def show_customer(ctx: typer.Context, name: Name, as_json: JsonFlag = False) -> None:
    """Show a customer with sites and contacts."""
    found = talk.get(ctx, f"/customers/{talk.in_path(name)}")
    if as_json:
        talk.show_json(found)
        return
    talk.show_facts(
        {
            _("customer"): found["name"],
            _("title"): found["title"],
            _("language"): found["language"],
            _("assets"): found["assets"],
        }
    )
    talk.say()
    _show_sites(found["sites"])
    talk.say()
    _show_contacts(found["contacts"])


@app.command("add")
def add_customer(ctx: typer.Context, name: Name, title: Title = None, language: Language = None) -> None:
    """Add a customer."""
    books.put(ctx, "customer", {"name": name, "title": title, "language": language}, fresh=True, customer=None)


@app.command("change")
def change_customer(ctx: typer.Context, name: Name, title: Title = None, language: Language = None) -> None:
    """Change a customer's title or language."""
    books.put(ctx, "customer", {"name": name, "title": title, "language": language}, fresh=False, customer=None)


@sites.command("list")
def list_sites(ctx: typer.Context, customer: Scope = None, as_json: JsonFlag = False) -> None:
    """List sites."""
    found = talk.get(ctx, "/sites", customer=customer)["sites"]
    if as_json:
        talk.show_json(found)
        return
    _show_sites(found)


def _show_sites(found: list[dict[str, Any]]) -> None:
    rows = (
        (
            one["customer"],
            one["name"],
            one["title"],
            one["time_zone"],
            one["calendar"] or " ".join(filter(None, (one["country"], one["subdivision"]))) or "-",
            one["depot"] or "-",
            one["address"].replace("\n", ", "),
        )
        for one in found
    )
    columns = heads("customer", "site", "title", "time zone", "calendar", "depot", "address")
    talk.show_table("", columns, rows, empty=_("No sites."))


@sites.command("add")
def add_site(
    ctx: typer.Context,
    customer: Owner,
    name: SiteName,
    time_zone: Annotated[str, typer.Option("--time-zone", help="As Asia/Shanghai.")],
    title: Title = None,
    country: Country = None,
    subdivision: Subdivision = None,
    calendar: Calendar = None,
    address: Address = None,
    depot: Depot = None,
) -> None:
    """Add a site."""
    _put_site(ctx, customer, name, title, time_zone, country, subdivision, calendar, address, depot, fresh=True)


@sites.command("change")
def change_site(
    ctx: typer.Context,
    customer: Owner,
    name: SiteName,
    time_zone: Zone = None,
    title: Title = None,
    country: Country = None,
    subdivision: Subdivision = None,
    calendar: Calendar = None,
    address: Address = None,
    depot: Depot = None,
) -> None:
    """Change what is given of a site; "" empties."""
    _put_site(ctx, customer, name, title, time_zone, country, subdivision, calendar, address, depot, fresh=False)


def _put_site(
    ctx: typer.Context,
    customer: str,
    name: str,
    title: str | None,
    time_zone: str | None,
    country: str | None,
    subdivision: str | None,
    calendar: str | None,
    address: str | None,
    depot: str | None,
    *,
    fresh: bool,
) -> None:
    values = {
        "customer": customer,
        "name": name,
        "title": title,
        "time_zone": time_zone,
        "country": country,
        "subdivision": subdivision,
        "calendar": calendar,
        "address": address,
        "depot": depot,
    }
    books.put(ctx, "site", values, fresh=fresh, customer=customer)


@sites.command("remove")
def remove_site(ctx: typer.Context, customer: Owner, name: SiteName) -> None:
    """Remove a site at which nothing stands."""
    talk.post(ctx, f"/sites/{talk.in_path(customer)}/{talk.in_path(name)}/remove")
    talk.say(_("{name} removed").format(name=name))


@contacts.command("list")
def list_contacts(
    ctx: typer.Context,
    customer: Scope = None,
    asset: Annotated[str, typer.Option(help="Whom to tell about this asset.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """List contacts."""
    found = talk.get(ctx, "/contacts", customer=customer, asset=asset)["contacts"]
    if as_json:
        talk.show_json(found)
        return
    _show_contacts(found)


def _show_contacts(found: list[dict[str, Any]]) -> None:
    rows = (
        (
            one["id"],
            one["customer"],
            one["name"],
            f"{word('scope.' + one['scope'])} {one['subject']}".strip(),
            one["mail"],
            one["phone"],
            one["language"],
            _("yes") if one["may_consent"] else _("no"),
        )
        for one in found
    )
    columns = heads("id", "customer", "name", "for", "mail", "phone", "language", "may consent")
    talk.show_table("", columns, rows, empty=_("No contacts."))


@contacts.command("add")
def add_contact(
    ctx: typer.Context,
    customer: Owner,
    name: Annotated[str, typer.Argument(help="Name of the person.")],
    scope: Annotated[ContactScope, typer.Option(help="What this person answers for.")] = ContactScope.CUSTOMER,
    subject: Annotated[str, typer.Option(help="Which asset, group or site.")] = "",
    mail: Mail = None,
    phone: Phone = None,
    language: Language = None,
    may_consent: Consent = None,
) -> None:
    """Add a contact."""
    _put_contact(ctx, customer, name, scope, subject, mail, phone, language, may_consent, fresh=True)


@contacts.command("change")
def change_contact(
    ctx: typer.Context,
    customer: Owner,
    name: Annotated[str, typer.Argument(help="Name of the person.")],
    scope: Annotated[ContactScope, typer.Option(help="What this person answers for.")] = ContactScope.CUSTOMER,
    subject: Annotated[str, typer.Option(help="Which asset, group or site.")] = "",
    mail: Mail = None,
    phone: Phone = None,
    language: Language = None,
    may_consent: Consent = None,
) -> None:
    """Change what is given of a contact; "" empties."""
    _put_contact(ctx, customer, name, scope, subject, mail, phone, language, may_consent, fresh=False)


def _put_contact(
    ctx: typer.Context,
    customer: str,
    name: str,
    scope: ContactScope,
    subject: str,
    mail: str | None,
    phone: str | None,
    language: str | None,
    may_consent: bool | None,
    *,
    fresh: bool,
) -> None:
    values = {
        "customer": customer,
        "name": name,
        "scope": scope.value,
        "subject": subject,
        "mail": mail,
        "phone": phone,
        "language": language,
        "may_consent": may_consent,
    }
    books.put(ctx, "contact", values, fresh=fresh, customer=customer)


@contacts.command("remove")
def remove_contact(ctx: typer.Context, number: Annotated[int, typer.Argument(help="Id from `contacts list`.")]) -> None:
    """Remove a contact. What was written of the person stays; see `forget person`."""
    talk.post(ctx, f"/contacts/{number}/remove")
    talk.say(_("{name} removed").format(name=number))
