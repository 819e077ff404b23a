"""Places for connections."""

from gateway.http.admission import Connections


def test_nobody_alone_takes_the_places_of_all_others() -> None:
    """Beyond its part an address has none, and there is one for everybody else; who leaves makes room."""
    connections = Connections(10, 4)
    assert [connections.enter("a") for _ in range(6)] == [True] * 4 + [False] * 2
    assert [connections.enter(f"b{number}") for number in range(5)] == [True] * 4 + [False]
    for _ in range(2):
        connections.leave("a")
    connections.leave("b4")
    assert not connections.enter("a")
    assert connections.enter("c")
