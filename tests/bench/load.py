"""A small HTTP load on loopback: keep-alive connections that send the same request over and over."""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a load showed: answers a second, milliseconds at the median and at the 99th percentile."""

    answers_a_second: float
    median_ms: float
    p99_ms: float


async def _connection(port: int, request: bytes, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise RuntimeError(f"the server answered {head.splitlines()[0].decode()}")
        length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if b"content-length" in line)
        await reader.readexactly(length)
        times.append(time.perf_counter() - begun)
    writer.close()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a keep-alive POST of JSON."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()] + [f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def measure(port: int, request: bytes, seconds: float, connections: int) -> Load:
    """Load one server for some seconds over the given number of connections."""

    async def run() -> list[float]:
        times: list[float] = []
        until = time.perf_counter() + seconds
        await asyncio.gather(*(_connection(port, request, until, times) for _ in range(connections)))
        return times

    begun = time.perf_counter()
    times = sorted(asyncio.run(run()))
    took = time.perf_counter() - begun
    return Load(len(times) / took, 1000 * times[len(times) // 2], 1000 * times[int(len(times) * 0.99)])
