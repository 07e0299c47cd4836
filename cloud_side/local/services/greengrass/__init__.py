"""AWS IoT Greengrass on one machine: components, deployments, and what the devices tell of them."""

from cloud_side.local.services.greengrass import components, core_devices, deployments
from cloud_side.local.services.greengrass.tables import TABLES
from cloud_side.local.wiring import Service

GREENGRASS = Service(
    "greengrassv2",
    reads={
        "DescribeComponent": components.describe_component,
        "GetComponent": components.get_component,
        "ListComponents": components.list_components,
        "ListComponentVersions": components.list_component_versions,
        "GetDeployment": deployments.get_deployment,
        "ListDeployments": deployments.list_deployments,
        "ListEffectiveDeployments": core_devices.list_effective_deployments,
        "ListCoreDevices": core_devices.list_core_devices,
        "GetCoreDevice": core_devices.get_core_device,
        "ListInstalledComponents": core_devices.list_installed_components,
    },
    writes={
        "CreateComponentVersion": components.create_component_version,
        "DeleteComponent": components.delete_component,
        "CreateDeployment": deployments.create_deployment,
        "CancelDeployment": deployments.cancel_deployment,
    },
    tables=TABLES,
)
