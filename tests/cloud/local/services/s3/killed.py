"""Works until it is killed, again and again: for each line `folder number` of its input, from that operation on."""

from tests.cloud.loaded import LOADER
from tests.cloud.local.services.s3.work import work
from tests.journal.killed import main

if __name__ == "__main__":
    LOADER.load_service_model("s3", "service-2")  # once for all that are forked
    main(work)
