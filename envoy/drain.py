"""Before Envoy's container ends: from now on its health check fails and every answer asks the client to reconnect.

Envoy itself ends at once when it is asked to, with whatever it has open.
"""

import os
import time
from urllib.request import Request, urlopen

# For load balancers to notice, and for clients to go.
SECONDS = 15


def main() -> None:
    admin = f"http://127.0.0.1:{os.environ['ENVOY_ADMIN_PORT']}"
    with urlopen(Request(f"{admin}/healthcheck/fail", method="POST"), timeout=5):
        time.sleep(SECONDS)


if __name__ == "__main__":
    main()
