/**
 * The vocabulary that the schema files are written in: TypeBox types that print as a structural schema, the dialect
 * a CustomResourceDefinition allows (no anyOf, no patternProperties, no nullable unions).
 */
import Type, { type Static, type TProperties, type TSchema } from 'typebox';

/** Options of a JSON schema that Kubernetes also understands. */
export type Options = Record<string, unknown>;

/**
 * A bound for strings that a rule reads. The API server estimates a rule's cost from the longest value that the
 * schema allows, and without a bound that is the largest request. Far above anything that makes sense in these fields.
 */
export const LONG = 2048;

/** Kubernetes quantities: `10Gi`, `500m`, `1.5e3`. */
export const QUANTITY_PATTERN =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';

export const optional = Type.Optional;

export function text(description: string, options?: Options) {
  return Type.String({ description, ...options });
}

export function flag(description: string, options?: Options) {
  return Type.Boolean({ description, ...options });
}

export function int32(description: string, options?: Options) {
  return Type.Integer({ format: 'int32', description, ...options });
}

export function int64(description: string, options?: Options) {
  return Type.Integer({ format: 'int64', description, ...options });
}

export function oneOf<const T extends readonly string[]>(values: T, description: string, options?: Options) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description, ...options });
}

export function object<T extends TProperties>(description: string, properties: T, options?: Options) {
  return Type.Object(properties, { description, ...options });
}

export function list<T extends TSchema>(items: T, description: string, options?: Options) {
  return Type.Array(items, { description, ...options });
}

export function textMap(description: string) {
  return Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' }, description });
}

/**
 * A structure that Kubernetes defines and checks itself when it lands in a Pod or a NetworkPolicy. Its schema is
 * long and grows with each release, so it is passed through as it is.
 */
export function passedThrough<T extends object>(description: string) {
  return Type.Unsafe<T>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, description });
}

/** A list whose items are passed through. */
export function listPassedThrough<T extends object>(itemDescription: string, description: string, options?: Options) {
  return Type.Array(passedThrough<T>(itemDescription), {
    description,
    'x-kubernetes-list-type': 'atomic',
    ...options,
  });
}

export const secretKeyRefSchema = object(
  'A key of a Secret in the same namespace.',
  {
    name: optional(text("The Secret's name.", { default: '', maxLength: LONG })),
    key: text('The key inside the Secret.', { maxLength: LONG }),
    optional: optional(flag('Accepted and without effect: the Secret and its key have to be there.')),
  },
  { 'x-kubernetes-map-type': 'atomic' },
);
export type SecretKeyRef = Static<typeof secretKeyRefSchema>;

export function secretKeyRef(description: string) {
  return Type.Object(secretKeyRefSchema.properties, { description, 'x-kubernetes-map-type': 'atomic' });
}

export const localRefSchema = object(
  'An object in the same namespace, by name.',
  { name: optional(text("The object's name.", { default: '', maxLength: LONG })) },
  { 'x-kubernetes-map-type': 'atomic' },
);
export type LocalRef = Static<typeof localRefSchema>;

export function localRef(description: string) {
  return Type.Object(localRefSchema.properties, { description, 'x-kubernetes-map-type': 'atomic' });
}

/** A quantity as Kubernetes takes it, number or text. */
export type Quantity = number | string;

function quantities(description: string) {
  return Type.Unsafe<Record<string, Quantity>>({
    type: 'object',
    additionalProperties: {
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      'x-kubernetes-int-or-string': true,
      pattern: QUANTITY_PATTERN,
    },
    description,
  });
}

export const resourcesSchema = object('Compute resources of one container.', {
  requests: optional(quantities('What the scheduler reserves, by resource name (`cpu`, `memory`).')),
  limits: optional(quantities('What the container may use at most, by resource name.')),
  claims: optional(
    list(
      object('One claim that the container uses.', {
        name: text("The claim's name in the Pod."),
        request: optional(text('One request inside the claim; all of them when empty.')),
      }),
      'Dynamic resource claims that the container uses.',
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
    ),
  ),
});
export type Resources = Static<typeof resourcesSchema>;

export function resources(description: string) {
  return Type.Object(resourcesSchema.properties, { description });
}
