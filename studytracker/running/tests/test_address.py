import contextlib
import http.server
import threading

import pytest

from studytracker.running import address


def test_a_free_port_is_taken_as_asked():
    with contextlib.closing(address.listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
    with contextlib.closing(address.listen("127.0.0.1", port)) as again:
        assert address.url(again) == f"http://127.0.0.1:{port}"


def test_a_taken_port_gives_the_next_free_one():
    with contextlib.closing(address.listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with contextlib.closing(address.listen("127.0.0.1", port)) as line:
            assert port < line.getsockname()[1] < port + address.TRIED_PORTS


def test_no_port_left_says_so():
    last = contextlib.closing(address.listen("127.0.0.1", 65535))
    with last, pytest.raises(address.NoAddress) as refusal:
        address.listen("127.0.0.1", 65535)
    assert str(refusal.value) == ("Every port from 65535 to 65535 is taken. Choose another one with --port.")


def test_a_host_that_is_not_ours_is_refused_with_a_sentence():
    with pytest.raises(address.NoAddress, match=r"Nothing can listen on 192\.0\.2\.1 port 8000: .* Check --host"):
        address.listen("192.0.2.1", 8000)


def test_any_interface_is_shown_as_an_address_a_person_can_open():
    with contextlib.closing(address.listen("0.0.0.0", 0)) as line:
        assert address.url(line) == f"http://127.0.0.1:{line.getsockname()[1]}"


class SignInPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/sign-in/" else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_a_page_answers_with_its_status_and_nobody_with_none():
    server = http.server.HTTPServer(("127.0.0.1", 0), SignInPage)
    base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert address.page_status(base, "/sign-in/") == 200
    assert address.page_status(base, "/nowhere/") == 404
    server.shutdown()
    server.server_close()
    assert address.page_status(base, "/sign-in/", seconds=0.5) is None
