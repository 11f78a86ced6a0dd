"""The pages for a browser: help, certificate and phone."""

import json

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from daraja_simulator import c2b, prompts
from daraja_simulator.control.c2b import c2b_request
from daraja_simulator.control.routes import json_body
from daraja_simulator.errors import ControlError
from daraja_simulator.faults import FAULTS, OPERATIONS
from daraja_simulator.money import json_number
from daraja_simulator.outcomes import table
from daraja_simulator.records import Prompt
from daraja_simulator.state import SimulatorState
from daraja_simulator.statement.shapes import SHAPES
from daraja_simulator.wire import Json, subscriber

_CANCELLED = 1032


def phone_state(state: SimulatorState, msisdn: str) -> Json:
    """Return what the phone shows. While its page is open, the customer does not act automatically."""
    with state.lock:
        state.mark_phone_open(msisdn)
        customer = state.customer(msisdn)
        prompt = state.open_by_phone.get(msisdn)
        return {
            "msisdn": msisdn,
            "balance": json_number(customer.balance) if customer else None,
            "messages": customer.messages[-5:] if customer else [],
            "prompt": _shown(state, prompt) if prompt else None,
        }


def blueprint(state: SimulatorState) -> Blueprint:
    """Return the pages for this state."""
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def root() -> BaseResponse:
        return redirect("/simulator/")

    @pages.get("/simulator/")
    def help_page() -> str:
        return render_template(
            "help.html",
            table=table(),
            faults=FAULTS,
            operations=OPERATIONS,
            options={name: json.dumps(value) for name, value in state.options.as_json().items()},
            shortcode=state.options.shortcode,
            refusals=list(state.refusals)[:-11:-1],
            shapes={letter: shape.title for letter, shape in SHAPES.items()},
        )

    @pages.get("/simulator/certificate")
    def certificate() -> Response:
        return Response(state.identity.certificate_pem, content_type="application/x-pem-file")

    @pages.get("/simulator/phone")
    def phones() -> str | BaseResponse:
        typed = request.args.get("number", "")
        msisdn = subscriber(typed)
        return _phones(state, typed) if msisdn is None else redirect(f"/simulator/phone/{msisdn}")

    _add_phone(pages, state)
    return pages


def _add_phone(pages: Blueprint, state: SimulatorState) -> None:
    @pages.get("/simulator/phone/<number>")
    def phone(number: str) -> str | tuple[str, int]:
        msisdn = subscriber(number)
        if msisdn is None:
            return _phones(state, number), 404
        return render_template("phone.html", msisdn=msisdn, shortcode=state.options.shortcode)

    @pages.get("/simulator/phone/<number>/state")
    def current(number: str) -> Json:
        return phone_state(state, _number(number))

    @pages.post("/simulator/phone/<number>/pin")
    def pin(number: str) -> Json:
        msisdn = _number(number)
        prompts.enter_pin(state, _open_prompt(state, msisdn), str(json_body().get("pin", "")))
        return phone_state(state, msisdn)

    @pages.post("/simulator/phone/<number>/cancel")
    def cancel(number: str) -> Json:
        msisdn = _number(number)
        prompts.end(state, _open_prompt(state, msisdn), _CANCELLED)
        return phone_state(state, msisdn)

    @pages.post("/simulator/phone/<number>/pay")
    def pay(number: str) -> Json:
        msisdn, typed = _number(number), json_body()
        c2b.pay_with_pin(state, c2b_request(state, typed | {"msisdn": msisdn}), str(typed.get("pin", "")))
        return phone_state(state, msisdn)


def _phones(state: SimulatorState, typed: str) -> str:
    with state.lock:
        numbers = list(state.ledger.customers)
    return render_template("phones.html", typed=typed, numbers=numbers)


def _number(text: str) -> str:
    msisdn = subscriber(text)
    if msisdn is None:
        raise ControlError("this is not a Kenyan mobile number", 404)
    return msisdn


def _open_prompt(state: SimulatorState, msisdn: str) -> Prompt:
    with state.lock:
        prompt = state.open_by_phone.get(msisdn)
    if prompt is None:
        raise ControlError("no prompt is open on this phone", 409)
    return prompt


def _shown(state: SimulatorState, prompt: Prompt) -> Json:
    return {
        "checkoutRequestId": prompt.checkout_request_id,
        "shortcode": prompt.push.shortcode,
        "amount": prompt.push.amount,
        "accountReference": prompt.push.account_reference,
        "secondsLeft": max(0, round((prompt.expires_at - state.now()).total_seconds())),
    }
