"""What a new password must not be."""

import pytest

from contract.access.common_passwords import longest_common
from contract.access.fault import AccessError, AccessFault
from contract.access.user import check_password


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Iloveyou2026", "123456789987654321", "1qaz2wsx3edc", "qwertyuiop12",
        "Dragon-dragon-1", "sunshine sunshine", "aaaaaaaaaaaaaa", "Lan Nguyen 123", "eduops eduops",
    ],
)  # fmt: skip
def test_what_many_choose_and_little_more_is_refused(password: str) -> None:
    with pytest.raises(AccessError) as refused:
        check_password(password, "Lan Nguyen")
    assert refused.value.fault is AccessFault.PASSWORD_LIKE_NAME


@pytest.mark.parametrize(
    "password", ["dragon monkey sunshine", "con mèo trèo cây cau", "correct horse battery", "pA7-zk9!Lw2#qt"]
)
def test_words_of_ones_own_are_taken(password: str) -> None:
    assert check_password(password, "Lan") == password


def test_the_longest_word_counts() -> None:
    assert longest_common("--iloveyou--") == "iloveyou"
    assert longest_common("wörter, die niemand") == ""
