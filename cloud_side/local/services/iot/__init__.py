"""AWS IoT on one machine: the registry of things and groups, topic rules, and messages to the broker."""

from cloud_side.local.services.iot import groups, publishing, registry, subscriptions, things, topic_rules
from cloud_side.local.wiring import Service

IOT = Service(
    "iot",
    reads={
        "DescribeThing": things.describe_thing,
        "ListThings": things.list_things,
        "DescribeThingGroup": groups.describe_thing_group,
        "ListThingGroups": groups.list_thing_groups,
        "ListThingsInThingGroup": groups.list_things_in_thing_group,
        "ListThingGroupsForThing": groups.list_thing_groups_for_thing,
        "GetTopicRule": topic_rules.get_topic_rule,
        "ListTopicRules": topic_rules.list_topic_rules,
    },
    writes={
        "CreateThing": things.create_thing,
        "UpdateThing": things.update_thing,
        "DeleteThing": things.delete_thing,
        "CreateThingGroup": groups.create_thing_group,
        "DeleteThingGroup": groups.delete_thing_group,
        "AddThingToThingGroup": groups.add_thing_to_thing_group,
        "RemoveThingFromThingGroup": groups.remove_thing_from_thing_group,
        "CreateTopicRule": topic_rules.create_topic_rule,
        "ReplaceTopicRule": topic_rules.replace_topic_rule,
        "DeleteTopicRule": topic_rules.delete_topic_rule,
        "EnableTopicRule": topic_rules.enable_topic_rule,
        "DisableTopicRule": topic_rules.disable_topic_rule,
    },
    tables=f"{registry.TABLES};{topic_rules.TABLES};{subscriptions.TABLES}",
)
IOT_DATA = Service("iot-data", writes={"Publish": publishing.publish})
