"""A model package behind HTTP, for stations without compute: SageMaker's hosting contract, answered as a device would.

image bytes → application → pool → looking (the edge's detector and policy) → JSON
package of the registry → requests → deploying → CreateModel, CreateEndpointConfig, CreateEndpoint | UpdateEndpoint
"""
