#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The users of the quickstart's web site. Twenty times a second one of them asks for the page, as
through a load balancer: if a node does not answer, the next one is asked. On SIGTERM it says how
many got an answer.

    users.py PORT...
"""

import random
import signal
import sys
import time
import urllib.request


def answered(ports):
    for port in random.sample(ports, len(ports)):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as page:
                if page.status == 200:
                    return True
        except OSError:
            continue
    return False


def main():
    ports = [int(port) for port in sys.argv[1:]]
    done = []
    signal.signal(signal.SIGTERM, lambda *_: done.append(True))
    good = bad = 0
    while not done:
        if answered(ports):
            good += 1
        else:
            bad += 1
        time.sleep(0.05)
    print(f"{good + bad} requests from users, {bad} of them without an answer")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
