"""What is whose."""

from mpesa_service.domain.principal import Principal


def test_everybody_sees_their_own_and_only_that() -> None:
    shop = Principal("shop", frozenset({"user", "Admin", "administrator"}))
    assert not shop.is_admin
    assert shop.may_see("shop")
    assert not shop.may_see("other")
    assert not Principal("shop").may_see("Shop")


def test_an_admin_sees_everything() -> None:
    boss = Principal("boss", frozenset({"admin"}))
    assert boss.is_admin
    assert boss.may_see("shop")
    assert boss.may_see("boss")
