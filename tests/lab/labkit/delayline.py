"""A network cable that is long or bad, in user space, for kernels without the netem discipline.

`python3 delayline.py LINK TAP BRIDGE DELAY_MS LOSS_PERCENT JITTER_MS`, inside the control namespace: takes LINK (a
node's cable) off the bridge, puts TAP in its place, and carries the frames between the two, each way late by
DELAY_MS and up to JITTER_MS more, and some not at all. Prints "up" when it carries.

Frames travel with their virtio header, so that the kernel may go on to leave checksums and segmentation
to the "hardware" on both sides.
"""

import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

# linux/if_tun.h
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 0x01, 0x02, 0x04
# linux/if_packet.h
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 0x0003

LARGEST_FRAME = 70_000
FRAMES_AT_ONCE = 64


def open_tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
    return tap


def open_link(name: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    link.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    link.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    link.bind((name, 0))
    link.setblocking(False)
    return link


def carry(tap: int, link: socket.socket, delay: float, loss: float, jitter: float) -> None:
    chance = random.Random(1)  # the same losses every time
    queue: list[tuple[float, int, bool, bytes]] = []
    number = 0  # keeps frames of one moment in order
    while True:
        now = time.monotonic()
        while queue and queue[0][0] <= now:
            _, _, to_tap, frame = heapq.heappop(queue)
            deliver(tap, link, to_tap, frame)
        patience = max(0.0, queue[0][0] - now) if queue else None
        for ready in select.select([tap, link], [], [], patience)[0]:
            for frame in waiting_frames(tap, link, ready):
                if chance.random() >= loss:
                    number += 1
                    due = time.monotonic() + delay + chance.random() * jitter
                    heapq.heappush(queue, (due, number, ready is link, frame))


def waiting_frames(tap: int, link: socket.socket, ready):
    for _ in range(FRAMES_AT_ONCE):
        try:
            yield os.read(tap, LARGEST_FRAME) if ready == tap else link.recv(LARGEST_FRAME)
        except OSError:  # none left, or the cable is cut
            return


def deliver(tap: int, link: socket.socket, to_tap: bool, frame: bytes) -> None:
    try:
        if to_tap:
            os.write(tap, frame)
        else:
            link.send(frame)
    except OSError:
        pass  # a cut cable or a full queue loses frames, as in real life


def main() -> None:
    link_name, tap_name, bridge = sys.argv[1:4]
    delay_ms, loss_percent, jitter_ms = map(float, sys.argv[4:7])
    tap, link = open_tap(tap_name), open_link(link_name)
    subprocess.check_call(["ip", "link", "set", link_name, "nomaster", "promisc", "on"])
    subprocess.check_call(["ip", "link", "set", tap_name, "master", bridge, "up"])
    print("up", flush=True)
    carry(tap, link, delay_ms / 1000, loss_percent / 100, jitter_ms / 1000)


if __name__ == "__main__":
    main()
