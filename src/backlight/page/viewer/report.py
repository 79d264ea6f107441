"""The whole report of runs, as the one file that `backlight report` writes."""

import re
from collections.abc import Mapping

from starlette.responses import Response

from backlight.page.viewer.window import Version
from backlight.reports.html.report import page

# The file carries its own style and script. In a sandbox without an origin of its own it reaches nothing of the page.
HEADERS = {
    "content-security-policy": (
        "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "unsafe-none",  # with another one browsers refuse a page in a sandbox
}


def whole_report(versions: Mapping[str, Version], download: bool) -> Response:
    headers = dict(HEADERS)
    if download:
        name = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "-", label) for label in versions)[:80]
        headers["content-disposition"] = f'attachment; filename="backlight-{name}.html"'
    return Response(page([each.run for each in versions.values()]), media_type="text/html", headers=headers)
