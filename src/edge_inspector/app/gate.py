"""The reject gate that the settings ask for."""

from contextlib import AbstractContextManager, nullcontext

from edge_inspector.app.health import Health
from edge_inspector.fieldbus.modbus import ModbusLink
from edge_inspector.gate.gate import Gate
from edge_inspector.gate.wires import DigitalWires, EncoderReader, ModbusEncoder, ModbusWires, Wires
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.ports import AlarmPanel
from edge_inspector.settings import DelayByEncoder, DigitalOutput, Settings


def gate_of(settings: Settings, alarms: AlarmPanel, *, wanted: bool = True) -> Gate | None:
    """Return the gate, not yet started and connected to nothing; None where none is configured.

    Args:
        settings: The whole configuration.
        alarms: Where its misses and outages are told.
        wanted: Not so where no part is on the line, as in a replay.
    """
    if settings.gate is None or not wanted:
        return None
    # The outputs and the encoder share a connection: they are used by turns, on one thread.
    link = None if settings.plc is None else ModbusLink(settings.plc)
    output, delay = settings.gate.output, settings.gate.delay
    wires: Wires | None = None
    reader: EncoderReader | None = None
    if isinstance(output, DigitalOutput):
        wires = DigitalWires(output)
    elif link is not None:
        wires = ModbusWires(link, output)
    if isinstance(delay, DelayByEncoder) and link is not None:
        reader = ModbusEncoder(link, address=delay.address, bits=delay.bits)
    if wires is None or (reader is None and isinstance(delay, DelayByEncoder)):
        msg = "settings: expected a PLC where the gate speaks to one, found none"
        raise ValueError(msg)
    return Gate(settings.gate, wires, alarms, reader=reader)


def serving(
    gate: Gate | None, pipeline: Pipeline, settings: Settings, health: Health | None
) -> AbstractContextManager[None]:
    """Return the context in which the gate serves its outputs, watched for drivers that hang; empty without a gate."""
    if gate is None:
        return nullcontext()
    work = None if health is None else health.watchdog.stage("gate", settings.health.watchdog.thread_s)
    return gate.watch(pipeline.distrust, work=work)
