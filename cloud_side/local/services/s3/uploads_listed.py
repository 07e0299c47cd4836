"""ListMultipartUploads and ListParts."""

from itertools import islice
from typing import Any

from cloud_side.local.services.s3.parts import parts_of, upload_of
from cloud_side.local.services.s3.requests import bucket_of, moment_in, place_in, taking
from cloud_side.local.wiring import Answer, Request

_MOST = 1000  # on one page, as in S3


@taking("Bucket KeyMarker MaxUploads Prefix UploadIdMarker")
def list_multipart_uploads(request: Request) -> Answer:
    """Answer with uploads that are under way, in order of their keys."""
    asked, bucket = request.parameters, bucket_of(request)
    most, prefix = min(_MOST, asked.get("MaxUploads", _MOST)), asked.get("Prefix", "")
    key, identity = asked.get("KeyMarker", ""), asked.get("UploadIdMarker", "")
    after = "(key, id) > (?2, ?3)" if identity else "key > ?2"
    rows = request.database.connection().execute(
        "SELECT id, key, initiated FROM s3_uploads WHERE bucket = ?1 AND substr(key, 1, length(?4)) = ?4 "  # noqa: S608
        f"AND {after} AND ?3 = ?3 ORDER BY key, id LIMIT ?5",
        (bucket, key, identity, prefix, most + 1),
    )
    found = rows.fetchall()
    answer: dict[str, Any] = {
        "Bucket": bucket,
        "KeyMarker": key,
        "UploadIdMarker": identity,
        "Prefix": prefix,
        "MaxUploads": most,
        "IsTruncated": len(found) > most,
    }
    if uploads := [
        {
            "UploadId": row["id"],
            "Key": row["key"],
            "Initiated": moment_in(row["initiated"]),
            "StorageClass": "STANDARD",
        }
        for row in found[:most]
    ]:
        answer["Uploads"] = uploads
    if uploads and len(found) > most:
        answer |= {"NextKeyMarker": uploads[-1]["Key"], "NextUploadIdMarker": uploads[-1]["UploadId"]}
    return answer


@taking("Bucket Key MaxParts PartNumberMarker UploadId")
def list_parts(request: Request) -> Answer:
    """Answer with the parts of an upload, in order of their numbers."""
    asked, place = request.parameters, place_in(request)
    most, after = min(_MOST, asked.get("MaxParts", _MOST)), int(asked.get("PartNumberMarker", 0))
    connection = request.database.connection()
    upload_of(connection, place, asked["UploadId"])
    found = list(islice(parts_of(connection, asked["UploadId"], after), most + 1))
    parts = [
        {"PartNumber": part.number, "LastModified": part.modified, "ETag": f'"{part.etag}"', "Size": part.size}
        for part in found[:most]
    ]
    answer: dict[str, Any] = {
        "Bucket": place.bucket,
        "Key": place.key,
        "UploadId": asked["UploadId"],
        "PartNumberMarker": after,
        "NextPartNumberMarker": found[:most][-1].number if parts else 0,
        "MaxParts": most,
        "IsTruncated": len(found) > most,
        "StorageClass": "STANDARD",
    }
    return answer | ({"Parts": parts} if parts else {})
