import pytest

from tailrank.core import BadInputError, Registry


@pytest.fixture
def fruits() -> Registry[int]:
    registry: Registry[int] = Registry("fruit")
    registry.register("apple")(1)
    registry.register("pear")(2)
    return registry


def test_get_and_iterate_in_order_of_registration(fruits: Registry[int]) -> None:
    assert fruits.get("pear") == 2
    assert list(fruits) == ["apple", "pear"]


def test_register_decorates_without_changing() -> None:
    registry: Registry[object] = Registry("function")

    @registry.register("f")
    def f() -> None: ...

    assert registry.get("f") is f


def test_an_unknown_name_gets_a_guess_and_the_list(fruits: Registry[int]) -> None:
    with pytest.raises(BadInputError, match="unknown fruit `appel`") as caught:
        fruits.get("appel")
    assert caught.value.hint == "did you mean `apple`? known: apple, pear"


def test_a_name_like_nothing_gets_the_list_only(fruits: Registry[int]) -> None:
    with pytest.raises(BadInputError) as caught:
        fruits.get("xyzzy")
    assert caught.value.hint == "known: apple, pear"


def test_a_name_is_given_once(fruits: Registry[int]) -> None:
    with pytest.raises(ValueError, match="twice"):
        fruits.register("apple")(3)
    assert fruits.get("apple") == 1
