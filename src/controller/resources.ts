/** The resources that this operator reads and writes. */
import type { Resource } from '../kube/resource.ts';

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

export const DITTO_SERVERS: Resource = {
  group: 'dittofs.dittofs.com',
  version: 'v1alpha1',
  plural: 'dittoservers',
  kind: 'DittoServer',
  namespaced: true,
};
export const STATEFUL_SETS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
};
export const SERVICES = core('services', 'Service');
export const CONFIG_MAPS = core('configmaps', 'ConfigMap');
export const SECRETS = core('secrets', 'Secret');
export const CLAIMS = core('persistentvolumeclaims', 'PersistentVolumeClaim');
export const NETWORK_POLICIES: Resource = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
};
export const PERCONA_CLUSTERS: Resource = {
  group: 'pgv2.percona.com',
  version: 'v2',
  plural: 'perconapgclusters',
  kind: 'PerconaPGCluster',
  namespaced: true,
};
export const CUSTOM_RESOURCE_DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** The resource of a kind that a plan may name. */
export function resourceOf(kind: string): Resource {
  const resource = BY_KIND.get(kind);
  if (!resource) throw new Error(`a plan names an object of kind ${kind}, which the operator does not write`);
  return resource;
}

const BY_KIND: ReadonlyMap<string, Resource> = new Map(
  [STATEFUL_SETS, SERVICES, CONFIG_MAPS, SECRETS, CLAIMS, NETWORK_POLICIES, PERCONA_CLUSTERS].map((resource) => [
    resource.kind,
    resource,
  ]),
);
