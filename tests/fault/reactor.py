# SPDX-License-Identifier: ISC
"""The thread in which the proxies and the clients of a scenario live.

A scenario is plain code that waits for conditions; what moves bytes runs in an
asyncio loop beside it, so that thirty clients and their proxies cost one thread.
What belongs to the loop is touched from a scenario through call() alone; lists
and counters may be looked at from anywhere.
"""
import asyncio
import concurrent.futures
import threading


class Reactor:
    """An event loop in a thread of its own; one for the whole program."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        thread.start()

    def call(self, function, *args):
        """Runs a function in the loop, and gives what it gives."""
        done = concurrent.futures.Future()

        def run():
            try:
                done.set_result(function(*args))
            except Exception as e:  # pylint: disable=broad-except
                done.set_exception(e)

        self.loop.call_soon_threadsafe(run)
        return done.result(30)

    def wait(self, coroutine):
        """Runs a coroutine in the loop to its end."""
        return asyncio.run_coroutine_threadsafe(
            coroutine, self.loop).result(30)


REACTOR = Reactor()
