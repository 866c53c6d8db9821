"""Asks a panel everything its OpenAPI document allows, and much that it does not.

Usage: run.py <address of a panel with example data> <cases per operation>

Once as a browser's session, once as an API key. Fails on server errors, and on every answer that the document does not
tell of: statuses, media types, headers, shapes. `cargo xtask fuzz-api` starts a panel and runs this.
"""

import http.cookiejar
import json
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

EMAIL, PASSWORD = "ben@harbor.example", "demo-customer"

CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "unsupported_method",
        "allow_header_conformance",
    ]
)


class Panel:
    """A browser in which somebody of the example data is signed in."""

    def __init__(self, address: str):
        self.address = address
        self.cookies = http.cookiejar.CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def sign_in(self) -> str:
        form = urllib.parse.urlencode({"email": EMAIL, "password": PASSWORD, "next": ""}).encode()
        self.browser.open(f"{self.address}/sign-in", form).close()
        return next(cookie.value for cookie in self.cookies if cookie.name == "session")

    def make_key(self) -> str:
        body = json.dumps({"name": "fuzz"}).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/api/v1/api-keys", body, kind)
        with self.browser.open(request) as answer:
            return json.load(answer)["key"]

    def lets_in(self, header: str) -> bool:
        """Whether somebody who comes with this header is let in."""
        name, value = header.split(": ")
        request = urllib.request.Request(f"{self.address}/api/v1/me", headers={name: value})
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError:
            return False
        return True


def fuzz(address: str, cases: str, checks: str, header: str, *more: str) -> tuple[int, bool]:
    """Answers how many cases were run, and whether all went well."""
    program = pathlib.Path(sys.executable).with_name("st")
    command = [program, "run", f"{address}/api/openapi.json", "--header", header]
    command += ["--checks", checks, "--max-examples", cases, "--seed", "1", "--no-color", *more]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(run.stdout)
    count = re.search(r"(\d+) generated", run.stdout)
    return int(count[1]) if count else 0, run.returncode == 0


def main() -> int:
    address, cases = sys.argv[1:]
    panel = Panel(address)
    # A cookie given as a header cannot be left out, so that only the run with the key can tell whether it is needed.
    session = f"Cookie: session={panel.sign_in()}"
    outcomes = [fuzz(address, cases, CHECKS, session)]
    # Made only now, for the session's run revokes every key. The run with the key must not, as it would end with it.
    key = f"Authorization: Bearer {panel.make_key()}"
    outcomes.append(fuzz(address, cases, f"{CHECKS},ignored_auth", key, "--exclude-operation-id", "revoke_api_key"))
    print(f"{sum(count for count, _ in outcomes)} cases in all")
    shut_out = [header.split(" ")[0] for header in (session, key) if not panel.lets_in(header)]
    for header in shut_out:
        print(f"{header} nobody was let in with it at the end, so that the run says nothing")
    return 0 if not shut_out and all(count > 0 and good for count, good in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
