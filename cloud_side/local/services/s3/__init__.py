"""S3 on folders: a bucket is a folder, an object is the file under its key.

People can look at it, and an edge daemon may write its samples straight into a bucket's folder: each file that is there
is an object. What a file cannot say of itself, the database does, bound to that very file: content type, metadata and
ETag. What is written through the API is on the disk first, is decided in one transaction, and then gets its name; who
is killed in between has either done nothing, or has it finished by the next one who comes along.
"""

from cloud_side.local.services.s3 import buckets, deleting, listing, multipart, reading, uploads_listed, writing
from cloud_side.local.services.s3.chores import FolderWatch, Tidying
from cloud_side.local.services.s3.tables import TABLES
from cloud_side.local.wiring import Service

__all__ = ["S3", "FolderWatch", "Tidying"]

S3 = Service(
    "s3",
    reads={
        "HeadBucket": buckets.head_bucket,
        "ListBuckets": buckets.list_buckets,
        "GetBucketNotificationConfiguration": buckets.get_bucket_notification_configuration,
        "GetObject": reading.get_object,
        "HeadObject": reading.head_object,
        "ListObjectsV2": listing.list_objects_v2,
        "ListMultipartUploads": uploads_listed.list_multipart_uploads,
        "ListParts": uploads_listed.list_parts,
    },
    writes={
        "CreateBucket": buckets.create_bucket,
        "CreateMultipartUpload": multipart.create_multipart_upload,
    },
    slow={
        "DeleteBucket": buckets.delete_bucket,
        "PutBucketNotificationConfiguration": buckets.put_bucket_notification_configuration,
        "PutObject": writing.put_object,
        "CopyObject": writing.copy_object,
        "DeleteObject": deleting.delete_object,
        "DeleteObjects": deleting.delete_objects,
        "UploadPart": multipart.upload_part,
        "UploadPartCopy": multipart.upload_part_copy,
        "CompleteMultipartUpload": multipart.complete_multipart_upload,
        "AbortMultipartUpload": multipart.abort_multipart_upload,
    },
    tables=TABLES,
)
