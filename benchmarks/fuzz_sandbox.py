"""Ten thousand requests that no program would write, against a sandbox in a process of its own.

python -m benchmarks.fuzz_sandbox [REQUESTS]

Most are generated from the OpenAPI document, right ones and wrong ones; one in five is a right request whose
bytes were damaged on the way. None may be answered with a 5xx or contradict the document, the sandbox may write
nothing to its stderr, and its memory must stay flat. It takes some minutes.
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from system.openapi.openapi_support import fuzz  # noqa: E402 (the tests have the generator)

ROUND = 1_000
GROWTH = 1.15  # of memory between the second round and the last one
RIGHT = (
    b"POST /v3/session?fields=none HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic c2FuZGJveC1tZXJjaGFudDpz\r\n"
    b'Content-Type: application/json\r\nContent-Length: 35\r\n\r\n{"product":{"type":"payment"},"a":1}'
)


def damaged(chance: random.Random, host: bytes) -> bytes:
    """Return a right request with some bytes changed, doubled, removed or put in."""
    request = bytearray(RIGHT % host)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(request))
        match chance.randrange(4):
            case 0:
                request[place] = chance.randrange(256)
            case 1:
                request[place:place] = request[place : place + chance.randint(1, 40)]
            case 2:
                del request[place : place + chance.randint(1, 20)]
            case _:
                request[place:place] = chance.randbytes(chance.randint(1, 8))
    return bytes(request)


def send_damaged(url: str, count: int, seed: int) -> list[str]:
    """Send damaged requests over bare sockets and return the status lines of answers that are failures."""
    chance, parts, failures = random.Random(seed), urlsplit(url), []  # noqa: S311 (repeatable)
    for _ in range(count):
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall(damaged(chance, parts.netloc.encode()))
            connection.shutdown(socket.SHUT_WR)
            try:
                head = connection.recv(4096)
            except ConnectionResetError:
                continue
        if re.match(rb"HTTP/1\.[01] 5", head):
            failures.append(head.partition(b"\r\n")[0].decode("ascii", "replace"))
    return failures


def resident(pid: int) -> int:
    """Return the memory of a process in KiB."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


def main() -> int:
    """Run it and return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    command = [sys.executable, "-m", "briqpay_async.sandbox", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 (our own program)
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as sandbox:
        assert sandbox.stdout is not None
        url = re.findall(r"http://\S+", sandbox.stdout.readline())[0]
        made, memory, failures = 0, [], []
        while made < wanted:
            seed = len(memory) + 1
            made += fuzz(url, "sandbox-merchant", "sandbox-secret", examples=ROUND * 4 // 5 // 22, start=seed)
            failures += send_damaged(url, ROUND // 5, seed)
            made += ROUND // 5
            urlopen(Request(f"{url}/_sandbox/reset", method="POST")).close()  # noqa: S310 (loopback)
            memory.append(resident(sandbox.pid))
            print(f"{made:6} requests, {memory[-1] / 1024:.1f} MiB", flush=True)
        sandbox.terminate()
        _, complaints = sandbox.communicate(timeout=10)
    growth = memory[-1] / memory[min(1, len(memory) - 1)]
    print(f"{made} requests: {len(failures)} failures, {len(complaints)} bytes on stderr, memory x{growth:.3f}")
    print(*failures[:10], complaints[:2000], sep="\n")
    return 1 if failures or complaints or growth > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
