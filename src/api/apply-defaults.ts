import { schemaTree, type SchemaNode } from './structure.ts';

/**
 * Fills in defaults as the API server does when it stores an object: below a block that is there, never the block
 * itself. A null where a default exists counts as absent.
 *
 * @param object a DittoServer; left as it is.
 * @returns a copy with defaults.
 */
export function applyDefaults<T>(object: T): T {
  return fill(object, schemaTree()) as T;
}

function fill(value: unknown, schema: SchemaNode): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => fill(item, items)) : value;
  }
  if (typeof value !== 'object' || value === null || !schema.properties) return value;
  const result: Record<string, unknown> = { ...value };
  for (const [name, property] of Object.entries(schema.properties)) {
    const absent = result[name] === undefined || (result[name] === null && property.default !== undefined);
    if (!absent) result[name] = fill(result[name], property);
    else if (property.default !== undefined) result[name] = property.default;
  }
  return result;
}
