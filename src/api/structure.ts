/** The shape that the schema has once printed, for those who walk it. */
import { dittoServerSchema } from './schema.ts';

export interface SchemaNode {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  items?: SchemaNode;
  additionalProperties?: SchemaNode;
  enum?: string[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-map-keys'?: string[];
}

/** The whole schema as plain data, without what TypeBox keeps beside it. A new copy each time. */
export function schemaTree(): SchemaNode {
  return JSON.parse(JSON.stringify(dittoServerSchema)) as SchemaNode;
}
