"""What people open in a browser: the help page, the certificate, the phone."""

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from daraja_simulator import c2b, prompts
from daraja_simulator.control.c2b import wish_in
from daraja_simulator.control.common import payload
from daraja_simulator.errors import ControlError
from daraja_simulator.faults import FAULTS, OPERATIONS
from daraja_simulator.outcomes import table
from daraja_simulator.records import Prompt
from daraja_simulator.wire import Json, subscriber
from daraja_simulator.world import World

_CANCELLED = 1032


def phone_state(world: World, msisdn: str) -> Json:
    """Return what the handset shows; asking keeps the customer from acting by itself."""
    with world.lock:
        world.watch(msisdn)
        customer = world.customer(msisdn)
        prompt = world.open_by_phone.get(msisdn)
        return {
            "msisdn": msisdn,
            "balance": customer.balance if customer else None,
            "messages": customer.messages[-5:] if customer else [],
            "prompt": _shown(world, prompt) if prompt else None,
        }


def blueprint(world: World) -> Blueprint:
    """Return the pages for this world."""
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
            options=world.options.as_json(),
        )

    @pages.get("/simulator/certificate")
    def certificate() -> Response:
        return Response(world.identity.certificate_pem, content_type="application/x-pem-file")

    @pages.get("/simulator/phone")
    def phones() -> str | BaseResponse:
        typed = request.args.get("number", "")
        msisdn = subscriber(typed)
        if msisdn is not None:
            return redirect(f"/simulator/phone/{msisdn}")
        with world.lock:
            numbers = list(world.ledger.customers)
        return render_template("phones.html", typed=typed, numbers=numbers)

    _add_handset(pages, world)
    return pages


def _add_handset(pages: Blueprint, world: World) -> None:
    @pages.get("/simulator/phone/<number>")
    def phone(number: str) -> str:
        return render_template("phone.html", msisdn=_number(number), shortcode=world.options.shortcode)

    @pages.get("/simulator/phone/<number>/state")
    def state(number: str) -> Json:
        return phone_state(world, _number(number))

    @pages.post("/simulator/phone/<number>/pin")
    def pin(number: str) -> Json:
        msisdn = _number(number)
        prompts.enter_pin(world, _open_prompt(world, msisdn), str(payload().get("pin", "")))
        return phone_state(world, msisdn)

    @pages.post("/simulator/phone/<number>/cancel")
    def cancel(number: str) -> Json:
        msisdn = _number(number)
        prompts.act(world, _open_prompt(world, msisdn), _CANCELLED)
        return phone_state(world, msisdn)

    @pages.post("/simulator/phone/<number>/pay")
    def pay(number: str) -> Json:
        msisdn, typed = _number(number), payload()
        c2b.pay_with_pin(world, wish_in(world, typed | {"msisdn": msisdn}), str(typed.get("pin", "")))
        return phone_state(world, msisdn)


def _number(text: str) -> str:
    msisdn = subscriber(text)
    if msisdn is None:
        raise ControlError("not a Kenyan mobile number", 404)
    return msisdn


def _open_prompt(world: World, msisdn: str) -> Prompt:
    with world.lock:
        prompt = world.open_by_phone.get(msisdn)
    if prompt is None:
        raise ControlError("no prompt is open on this phone", 409)
    return prompt


def _shown(world: World, prompt: Prompt) -> Json:
    return {
        "checkoutRequestId": prompt.checkout_request_id,
        "shortcode": prompt.push.shortcode,
        "amount": prompt.push.amount,
        "accountReference": prompt.push.account_reference,
        "secondsLeft": max(0, round((prompt.expires_at - world.now()).total_seconds())),
    }
