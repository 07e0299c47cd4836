"""DeleteObject and DeleteObjects."""

import sqlite3
from typing import Any

from cloud_side.local.services.s3.conditions import check_write
from cloud_side.local.services.s3.keeping import let_go, now_under
from cloud_side.local.services.s3.performing import decided, once
from cloud_side.local.services.s3.places import place_of
from cloud_side.local.services.s3.requests import bucket_of, place_in, said_plainly, taking
from cloud_side.local.wiring import Answer, RefusedRequest, Request

_MOST_AT_ONCE = 1000


@taking("Bucket Key IfMatch")
@once
def delete_object(request: Request) -> Answer:
    """Delete an object; that there is none is no error, unless one was meant."""
    place = place_in(request)

    def decide(connection: sqlite3.Connection) -> Answer:
        check_write(request.parameters, now_under(connection, place), place.address)
        let_go(connection, place, now=request.now)
        return {}

    return decided(request, decide, place)


@taking("Bucket Delete")
@once
def delete_objects(request: Request) -> Answer:
    """Delete up to 1,000 objects in one transaction, and say of each key how that went."""
    bucket = bucket_of(request)
    if (found := len(request.parameters["Delete"]["Objects"])) > _MOST_AT_ONCE:
        msg = f"{bucket}: expected at most {_MOST_AT_ONCE} keys to delete at once, found {found}"
        raise RefusedRequest("MalformedXML", msg)
    return decided(request, lambda connection: _deleted(request, connection))


def _deleted(request: Request, connection: sqlite3.Connection) -> Answer:
    wanted = request.parameters["Delete"]
    told = {each["Key"]: _refusal(request, connection, each) for each in wanted["Objects"]}
    deleted = [{"Key": key} for key, refusal in told.items() if refusal is None and not wanted.get("Quiet")]
    errors = [{"Key": key, **refusal} for key, refusal in told.items() if refusal is not None]
    return ({"Deleted": deleted} if deleted else {}) | ({"Errors": errors} if errors else {})


def _refusal(request: Request, connection: sqlite3.Connection, wanted: dict[str, Any]) -> dict[str, str] | None:
    try:
        if others := sorted(wanted.keys() - {"Key"}):
            return {"Code": "NotOnLocalEngine", "Message": f"{', '.join(others)}: not there on the local engine"}
        with said_plainly():
            let_go(connection, place_of(request.home, request.parameters["Bucket"], wanted["Key"]), now=request.now)
    except RefusedRequest as refusal:
        if refusal.status >= 500:
            raise
        return {"Code": refusal.code, "Message": refusal.message}
    return None
