"""The peers by name."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks import peers, rivals

__all__ = ["PEERS", "is_installed"]

PEERS: dict[str, type[peers.Peer]] = {
    "streams": peers.Streams,
    "streams-awake": peers.AwakeStreams,
    "aiohttp": peers.Aiohttp,
    "client": peers.Client,
    "client-unread": peers.UnreadClient,
    "client-uvloop": peers.UvloopClient,
    "client-whole": peers.WholeClient,
    "httpx": rivals.Httpx,
    "requests": rivals.Requests,
    "openai": rivals.OpenAI,
}


def is_installed(name: str) -> bool:
    """Whether all modules that a peer needs are here."""
    return all(find_spec(module) for module in PEERS[name].needs)
