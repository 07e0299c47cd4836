"""The wires of the line: Modbus TCP to its PLC, and digital inputs and outputs of this device."""
