"""What the services of the shop have in common: addresses, answers, and their own work, slow now and then."""
import itertools
import json
import os
import random

import eventlet
from eventlet import wsgi

PORTS = {'shop-front': 8000, 'catalog': 8001, 'cart': 8002, 'prices': 8003, 'stock': 8004, 'payment': 8005}

# With SHOP_SLOW=1 every tenth call takes longer; which of the ten comes first is drawn.
SLOW_EVERY = 10
calls = itertools.count(random.randrange(SLOW_EVERY))


def port(service):
    """The port of a service; SHOP_PORT_CART=9002 moves the cart."""
    return int(os.environ.get('SHOP_PORT_' + service.upper().replace('-', '_'), PORTS[service]))


def url(service, path):
    return 'http://127.0.0.1:%d%s' % (port(service), path)


def work():
    """Does what the service itself has to do: some milliseconds, and 150 to 250 ms more in a slow call."""
    seconds = random.uniform(0.002, 0.005)
    if os.environ.get('SHOP_SLOW') == '1' and next(calls) % SLOW_EVERY == 0:
        seconds += random.uniform(0.150, 0.250)
    eventlet.sleep(seconds)


def answer(start_response, what):
    """Answers with JSON."""
    body = json.dumps(what).encode()
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(body)))])
    return [body]


def serve(service, application):
    """Serves until the process is ended."""
    wsgi.server(eventlet.listen(('127.0.0.1', port(service))), application, log_output=False)
