"""The begin of a work order: it is put where the labeling pages look."""

from cloud_side.labeling.work.orders import Order, OrderError, read_order
from cloud_side.objects import Bucket, Kept


def open_work(bucket: Bucket, order: Order) -> None:
    """Open an order, or let the one that is open be waited for by a newer task; what was answered stays.

    A call that comes again, or comes late, after a newer one, changes nothing.
    """
    while True:
        kept = bucket.read(order.key)
        if kept is not None and not _is_newer(order, kept):
            return
        over = None if kept is None else kept.etag
        if bucket.write(order.key, order.content(), over=over, is_new=kept is None) is not None:
            return


def _is_newer(order: Order, kept: Kept) -> bool:
    try:
        before = read_order(kept.content)
    except OrderError:
        return True
    return before.token != order.token and before.closes_at <= order.closes_at
