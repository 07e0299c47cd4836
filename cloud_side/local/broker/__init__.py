"""The engine's connections to the MQTT broker: one that publishes, and one that hears for the topic rules."""

from cloud_side.local.broker.hearing import TopicRules
from cloud_side.local.broker.link import Broker
from cloud_side.local.broker.sending import BrokerConnection

__all__ = ["Broker", "BrokerConnection", "TopicRules"]
