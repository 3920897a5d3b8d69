"""Nobody has the dashboard for themselves: connections by address, requests by who asks."""

import asyncio

import pytest

from ops_dashboard.access.connection import is_greedy, networks_of
from ops_dashboard.access.turns import Turns

PROXIES = networks_of("127.0.0.1, 10.1.0.0/16, proxy.example")


@pytest.mark.parametrize(
    ("address", "others", "is_too_many"),
    [
        ("192.0.2.7", ["192.0.2.7"] * 4, True),
        ("192.0.2.7", ["192.0.2.7"] * 3 + ["192.0.2.8"] * 9, False),
        ("2001:db8::1", [f"2001:db8::{n}" for n in range(4)], True),
        ("2001:db8::1", [f"2001:db8:0:{n}::1" for n in range(4)], False),
        ("10.1.2.3", ["10.1.2.3"] * 9, False),
        ("127.0.0.1", ["127.0.0.1"] * 9, False),
        ("::1", ["::1"] * 9, False),
    ],
)
def test_an_address_has_its_share_of_the_connections(
    address: str, others: list[str], is_too_many: bool
) -> None:
    assert is_greedy(address, others, 3, PROXIES) is is_too_many


def test_everybody_may_be_a_proxy() -> None:
    assert not is_greedy("192.0.2.7", ["192.0.2.7"] * 9, 3, networks_of("*"))


async def test_requests_of_one_wait_and_those_of_others_do_not() -> None:
    turns, go, begun, most = Turns(2), asyncio.Event(), 0, 0

    async def ask(who: str) -> None:
        nonlocal begun, most
        async with turns.of(who):
            begun += 1
            most = max(most, begun)
            try:
                await go.wait()
            finally:
                begun -= 1

    async with asyncio.TaskGroup() as tasks:
        greedy = [tasks.create_task(ask("Hoa")) for _ in range(20)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert begun == 2
        tasks.create_task(ask("Lan"))
        greedy[0].cancel()
        greedy[19].cancel()  # who goes away while they wait takes nobody's turn
        for _ in range(5):
            await asyncio.sleep(0)
        assert begun == 3  # Lan's at once, and two of Hoa's
        go.set()
    assert most == 3
    del greedy  # what ended by force keeps its frames
    assert len(turns) == 0
