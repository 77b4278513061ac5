/**
 * Whether an object on the server already says what we want it to say. Only what we set is looked at: what the API
 * server defaults and what others add is none of our business.
 */
import { quantityValue } from '../api/quantity.ts';

/** Fields under which Kubernetes rewrites quantities (`1000m` comes back as `1`). */
const QUANTITY_PARENTS: ReadonlySet<string> = new Set(['requests', 'limits', 'storage']);
/**
 * Lists whose entries Kubernetes tells apart by a key (`x-kubernetes-list-type: map`), so that others may add entries:
 * of a list not named here, every entry is ours.
 */
const LIST_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  ports: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
  ownerReferences: 'uid',
};

type Json = Record<string, unknown>;

/**
 * Where `observed` does not say what `intent` says.
 *
 * @returns field paths such as `spec.template.spec.containers[dittofs].image`; none when there is nothing to write.
 */
export function differences(intent: unknown, observed: unknown, path = ''): string[] {
  if (Array.isArray(intent)) return listDifferences(intent, observed, path);
  if (isObject(intent)) {
    if (!isObject(observed)) return Object.keys(intent).length === 0 ? [] : [path];
    return Object.entries(intent).flatMap(([field, value]) =>
      differences(value, observed[field], path === '' ? field : `${path}.${field}`),
    );
  }
  return same(intent, observed, path) ? [] : [path];
}

function listDifferences(intent: unknown[], observed: unknown, path: string): string[] {
  if (!Array.isArray(observed)) return intent.length === 0 && observed === undefined ? [] : [path];
  const key = LIST_KEYS[path.slice(path.lastIndexOf('.') + 1)];
  if (key === undefined || !intent.every((entry) => isObject(entry) && key in entry)) {
    if (intent.length !== observed.length) return [path];
    return intent.flatMap((entry, index) => differences(entry, observed[index], `${path}[${index}]`));
  }
  return intent.flatMap((entry) => {
    const name = (entry as Json)[key];
    const counterpart: unknown = observed.find((other) => isObject(other) && other[key] === name);
    const at = `${path}[${String(name)}]`;
    return counterpart === undefined ? [at] : differences(entry, counterpart, at);
  });
}

function same(intent: unknown, observed: unknown, path: string): boolean {
  if (intent === observed) return true;
  // An empty text, `false` and `0` are what Kubernetes leaves out.
  if (observed === undefined) return intent === '' || intent === false || intent === 0 || intent === null;
  const parents = path.split(/[.[\]]+/);
  if (!parents.some((parent) => QUANTITY_PARENTS.has(parent))) return false;
  const wanted = quantityValue(intent);
  return wanted !== undefined && wanted === quantityValue(observed);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
