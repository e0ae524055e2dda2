"""Signing in and out, the reader's language, and who is behind a request. Part of the pages made by `pages/`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated, Protocol

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.web.access import Person, Sessions, TooManyAttempts, form_token, same
from hardcase_collector.web.addresses import address_of
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.passwords import Busy
from hardcase_collector.web.texts import LANGUAGES, Reader, choose_language, zone

# __Host-: the browser takes them over HTTPS only, for this host only (RFC 6265bis 4.1.3.2).
SESSION_COOKIE = "__Host-hardcase"
BEFORE_COOKIE = "__Host-hardcase-login"
LANGUAGE_COOKIE = "__Host-hardcase-language"
_YEAR_S = 31_536_000


class LoginNeeded(Exception):
    """Nobody is signed in."""


class PasswordNeeded(Exception):
    """Somebody is signed in who must give himself another password first."""


class Page(Protocol):
    def __call__(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        person: Person | None,
        reader: Reader | None = None,
        **context: object,
    ) -> HTMLResponse: ...


class Desk:
    """The reception desk."""

    def __init__(self, sessions: Sessions, *, clock_ms: Callable[[], int], language: str) -> None:
        self._sessions = sessions
        self._clock_ms = clock_ms
        self._language = language

    @property
    def sessions(self) -> Sessions:
        return self._sessions

    def person(self, request: Request) -> Person:
        """Raises LoginNeeded."""
        person = self.maybe_person(request)
        if person is None:
            raise LoginNeeded
        return person

    def maybe_person(self, request: Request) -> Person | None:
        return self._sessions.person(request.cookies.get(SESSION_COOKIE, ""), now_ms=self._clock_ms())

    def reader(self, request: Request, person: Person | None, *, wish: str = "") -> Reader:
        language = choose_language(
            request.cookies.get(LANGUAGE_COOKIE, ""),
            person.user.language if person else wish,
            accept=request.headers.get("accept-language", ""),
            default=self._language,
        )
        return Reader(language, zone(person.user.time_zone if person else "UTC"), self._clock_ms())

    def router(self, page: Page) -> APIRouter:
        router = APIRouter(route_class=AgainRoute)

        @router.get("/login")
        def login_page(request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
            return self._form(request, page, next=next)

        @router.post("/login")
        def login(
            request: Request,
            name: Annotated[str, Form(max_length=64)],
            password: Annotated[str, Form(max_length=1024)],
            form_token: Annotated[str, Form(max_length=200)] = "",
            next: Annotated[str, Form(max_length=500)] = "/",
        ) -> Response:
            return self._log_in(request, page, name=name, password=password, token=form_token, next=next)

        @router.post("/logout")
        def logout(request: Request, form_token: Annotated[str, Form(max_length=200)] = "") -> Response:
            person = self.maybe_person(request)
            if person is not None:
                if not same(form_token, person.form_token):
                    return RedirectResponse("/", 303)
                self._sessions.log_out(request.cookies[SESSION_COOKIE], now_ms=self._clock_ms())
            response = RedirectResponse("/login", 303)
            _set(response, SESSION_COOKIE, "", 0)
            return response

        @router.post("/language")
        def language(
            language: Annotated[str, Form(max_length=8)], next: Annotated[str, Form(max_length=500)] = "/"
        ) -> Response:
            response = RedirectResponse(_inside(next), 303)
            if language in LANGUAGES:
                _set(response, LANGUAGE_COOKIE, language, _YEAR_S)
            return response

        return router

    def _form(
        self, request: Request, page: Page, *, next: str, message: str = "", name: str = "", status: int = 200
    ) -> Response:
        before = request.cookies.get(BEFORE_COOKIE, "") or secrets.token_urlsafe(24)
        response = page(
            request,
            "login.html",
            person=None,
            status=status,
            token=form_token(before),
            next=_inside(next),
            message=message,
            name=name,
        )
        _set(response, BEFORE_COOKIE, before, 3600)
        return response

    def _log_in(self, request: Request, page: Page, *, name: str, password: str, token: str, next: str) -> Response:
        before = request.cookies.get(BEFORE_COOKIE, "")
        if not before or not same(token, form_token(before)):
            return self._form(request, page, next=next, message="login.stale", name=name, status=403)
        try:
            secret = self._sessions.log_in(name, password, address=address_of(request), now_ms=self._clock_ms())
        except (TooManyAttempts, Busy):
            return self._form(request, page, next=next, message="login.blocked", name=name, status=429)
        if secret is None:
            return self._form(request, page, next=next, message="login.wrong", name=name, status=401)
        response = RedirectResponse(_inside(next), 303)
        _set(response, SESSION_COOKIE, secret, self._sessions.length_s)
        _set(response, BEFORE_COOKIE, "", 0)
        return response


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def _inside(wanted: str) -> str:
    """A path of this site, or the first page: "//elsewhere" and "https:..." would send the reader away."""
    if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\n" not in wanted and "\r" not in wanted:
        return wanted
    return "/"
