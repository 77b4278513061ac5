/**
 * The schema, checked offline. Apart from the rules, because only `render` needs it: an object that comes from the API
 * server has passed it, and ajv would cost the running operator memory for nothing.
 */
import { Ajv, type ErrorObject } from 'ajv';
import { closestTo } from './closest.ts';
import { API_VERSION, KIND } from './names.ts';
import { schemaTree, type SchemaNode } from './structure.ts';
import type { FieldProblem } from './validate.ts';

let validator: ReturnType<Ajv['compile']> | undefined;

const INT32 = { type: 'number', validate: (value: number) => Math.abs(value + 0.5) < 2 ** 31 } as const;
const INT64 = { type: 'number', validate: (value: number) => Math.abs(value) <= 2 ** 63 } as const;
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** The schema with what Kubernetes implies: closed objects, and integers or text where it says so. */
function forAjv(node: SchemaNode, path: string): unknown {
  if (node['x-kubernetes-int-or-string']) return { type: ['integer', 'string'], pattern: node.pattern };
  const { properties, items, additionalProperties } = node;
  const closed = properties && !node['x-kubernetes-preserve-unknown-fields'] && path !== 'metadata';
  return {
    ...node,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [name, forAjv(property, join(path, name))]),
      ),
    }),
    ...(closed && { additionalProperties: false }),
    ...(items && { items: forAjv(items, `${path}[]`) }),
    ...(additionalProperties && { additionalProperties: forAjv(additionalProperties, `${path}{}`) }),
  };
}

function compileSchema() {
  const ajv = new Ajv({
    allErrors: true,
    strict: false,
    verbose: true,
    formats: { int32: INT32, int64: INT64, 'date-time': DATE_TIME },
  });
  const schema = forAjv(schemaTree(), '') as { properties: Record<string, unknown> };
  return ajv.compile({
    ...schema,
    required: ['apiVersion', 'kind', 'metadata'],
    properties: {
      ...schema.properties,
      apiVersion: { const: API_VERSION },
      kind: { const: KIND },
      metadata: { type: 'object', required: ['name'], properties: { name: { type: 'string', maxLength: 253 } } },
    },
  });
}

/**
 * Checks an object as a user wrote it against the schema.
 *
 * @returns what is wrong. A field that the schema does not have is wrong, too: the API server would drop it without a
 * word, and it is most often a misspelling.
 */
export function validateSchema(object: unknown): FieldProblem[] {
  validator ??= compileSchema();
  if (validator(object)) return [];
  return (validator.errors ?? []).map(toProblem);
}

function toProblem(error: ErrorObject): FieldProblem {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : join(path, step)), '');
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownField(path, String(params['additionalProperty']), error);
    case 'required':
      return { path: join(path, String(params['missingProperty'])), message: 'is missing' };
    default:
      return { path, value: error.data, message: explain(error.keyword, params, error.message) };
  }
}

function explain(keyword: string, params: Record<string, unknown>, otherwise: string | undefined): string {
  switch (keyword) {
    case 'type':
      return `must be ${[params['type']].flat().join(' or ')}`;
    case 'enum':
      return `must be one of ${(params['allowedValues'] as string[]).join(', ')}`;
    case 'const':
      return `must be ${String(params['allowedValue'])}`;
    default:
      return otherwise ?? 'is not valid';
  }
}

function unknownField(path: string, name: string, error: ErrorObject): FieldProblem {
  const known = Object.keys((error.parentSchema as SchemaNode | undefined)?.properties ?? {});
  const near = closestTo(name, known);
  return {
    path: join(path, name),
    value: (error.data as Record<string, unknown>)[name],
    message: `is not a field of the DittoServer${near === undefined ? '' : `; did you mean ${near}?`}`,
  };
}

function join(path: string, step: string): string {
  return path === '' ? step : `${path}.${step}`;
}
