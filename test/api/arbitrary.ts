import fc from 'fast-check';
import { schemaTree, type SchemaNode } from '../../src/api/structure.ts';
import type { TestServer } from './rule-cases.ts';

/** Texts that some field takes and another does not, so that rules are met on both sides. */
const TEXTS = [
  '', 'a', 'files', 'Files', 'a b', 'a.b', '-a', '/a', '/a/', '10Gi', '0Gi', '1.5Ti', '-1', '30s', '0s', '1h30m', '7d',
  '@daily', '@never', '0 2 * * *', '60 2 * * *', 'ldap://dc', 'ldaps://dc', 'https://s3', 's3.cubbit.eu', '[::1]:9000',
  'postgres', 'monitor', 'template1', '2.8.0', 'v2', 'é', '😀', "it's \"quoted\" \\", 'a\nb', '\u00a0', '$(X)',
]; // prettier-ignore

function text(node: SchemaNode): fc.Arbitrary<string> {
  const { pattern, format, minLength = 0, maxLength = 300 } = node;
  if (node.enum) return fc.constantFrom(...node.enum);
  if (format === 'date-time') return fc.constant('2026-01-01T00:00:00Z');
  const fits = (value: string) =>
    value.length <= maxLength && value.length >= minLength && (!pattern || new RegExp(pattern).test(value));
  if (pattern?.includes('Gi|Mi|Ti')) return fc.constantFrom('0Gi', '1Gi', '1024Mi', '2Gi', '1Ti', '00Gi');
  if (pattern) return fc.constantFrom('/metrics', 'Ready', 'A', '/a b', '/').filter(fits);
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...TEXTS).filter(fits) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map(wellFormed).filter(fits) },
  );
}

/** The API server knows no half of a surrogate pair, and it takes NUL for the end of nothing. */
function wellFormed(value: string): string {
  return value.toWellFormed();
}

/** Values that the schema accepts. Optional fields are there about half of the time. */
function valueOf(node: SchemaNode): fc.Arbitrary<unknown> {
  if (node['x-kubernetes-int-or-string']) return fc.constantFrom(1, '500m', '1Gi');
  switch (node.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.oneof(
        fc.integer({ min: node.minimum ?? 0, max: node.maximum ?? 70000 }),
        fc.constantFrom(8080, 9090, 12049, 1445).map((port) => clamp(port, node)),
      );
    case 'string':
      return text(node);
    case 'array':
      return arrayOf(node);
    default:
      return objectOf(node);
  }
}

function arrayOf(node: SchemaNode): fc.Arbitrary<unknown[]> {
  const item = node.items ? valueOf(node.items) : fc.constant({});
  // The items of a list that is a map have different keys.
  const [key] = node['x-kubernetes-list-map-keys'] ?? [];
  if (key === undefined) return fc.array(item, { maxLength: 3 });
  return fc.uniqueArray(item, { maxLength: 3, selector: (value) => (value as Record<string, unknown>)[key] });
}

function clamp(value: number, { minimum = 0, maximum = 70000 }: SchemaNode): number {
  return Math.min(Math.max(value, minimum), maximum);
}

function objectOf({ properties, required = [], additionalProperties }: SchemaNode): fc.Arbitrary<object> {
  if (additionalProperties)
    return fc.dictionary(fc.constantFrom('a', 'cpu'), valueOf(additionalProperties), { maxKeys: 2 });
  if (!properties) return fc.constant({});
  const fields = Object.fromEntries(Object.entries(properties).map(([name, node]) => [name, valueOf(node)]));
  return fc.record(fields, { requiredKeys: required });
}

/** DittoServers that the schema accepts, most of which break some rule. */
export function servers(
  name: fc.Arbitrary<string> = fc.constantFrom('files', '2files', 'a'.repeat(30)),
): fc.Arbitrary<TestServer> {
  const { properties = {} } = schemaTree();
  return fc.record({ name, spec: valueOf(properties['spec'] ?? {}) }).map(({ name, spec }) => ({
    apiVersion: 'dittofs.dittofs.com/v1alpha1',
    kind: 'DittoServer',
    metadata: { name, namespace: 'default' },
    spec: spec as Record<string, unknown>,
  }));
}
