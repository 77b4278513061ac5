/** A kind of object, as the API server's paths name it. */
export interface Resource {
  /** API group; the empty string for the core group. */
  group: string;
  version: string;
  /** Lower-case plural as in the path, for example `statefulsets`. */
  plural: string;
  kind: string;
  namespaced: boolean;
}

/** Which objects of a resource a path means. */
export interface ResourcePathOptions {
  namespace?: string;
  name?: string;
  subresource?: string;
}

/** `group/version`, or `version` alone for the core group: what stands in an object's `apiVersion`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** `plural.group` (or `plural` alone): the name of the resource in logs and metrics, and of its CRD. */
export function resourceName(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

/**
 * The path of a collection or of one object. Every part is percent-encoded, so a name that came from a user cannot
 * reach another path.
 * @throws Error when a name or namespace is empty or the namespace does not fit the resource's scope: the path would
 * silently mean another set of objects (all of the collection, for a DELETE).
 */
export function resourcePath(resource: Resource, options: ResourcePathOptions = {}): string {
  const { namespace, name, subresource } = options;
  const prefix = resource.group === '' ? '/api' : `/apis/${encodeURIComponent(resource.group)}`;
  const parts = [prefix, encodeURIComponent(resource.version)];
  if (namespace !== undefined) {
    if (!resource.namespaced) throw new Error(`${resourceName(resource)} has no namespaces`);
    parts.push('namespaces', segment(namespace, 'namespace'));
  } else if (resource.namespaced && name !== undefined) {
    throw new Error(`an object of ${resourceName(resource)} is named without its namespace`);
  }
  parts.push(encodeURIComponent(resource.plural));
  if (name !== undefined) parts.push(segment(name, 'name'));
  if (subresource !== undefined) parts.push(encodeURIComponent(subresource));
  return parts.join('/');
}

function segment(value: string, what: string): string {
  // `.` and `..` survive encodeURIComponent and are removed by path normalisation.
  if (value === '' || value === '.' || value === '..') throw new Error(`not a ${what}: ${JSON.stringify(value)}`);
  return encodeURIComponent(value);
}
